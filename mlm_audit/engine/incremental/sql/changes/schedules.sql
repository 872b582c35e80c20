-- The instalments with changed rows of their own, of their credit or of their history, and those that have become overdue.
select id from changed_payout_schedule
union select id from all_payout_schedule where user_id in (select user_id from changed_payout_schedule)
union select reference_id from ({named_rows}) as named where type = 'self_payout'
union select reference_id from changed_ledger where type = 'self_payout'
union select try_cast(substr(ref, 13) as BIGINT) from changed_ledger where ref like 'SELF\_PAYOUT\_%' escape '\'
union select schedule_id from changed_payout_history
union select id from all_payout_schedule
where (status = 'pending' and payout_date < $overdue_before) or (status = 'failed' and payout_date < $held_too_long_before)
