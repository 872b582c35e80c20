-- The members of whom every row is checked again. If a decision about a month changed, all months of the member are
-- checked. {unknown_words} are the members of rows with an unknown word.
select l.user_id from changed_ledger as l inner join kept_brought_forward as b on l.user_id = b.user_id where l.id <= b.last_id
union select user_id from changed_commissions where type = 'repurchase' and status is distinct from 'pending'
union select user_id from all_commissions
where type = 'repurchase' and status is distinct from 'pending' and order_id in (select id from changed_orders)
union select user_id from changed_ledger where type = 'repurchase_commission'
union select user_id from ({named_rows}) as named
union select {rolled_up} from changed_ledger where type = 'commission_rollup'
union select user_id from changed_commission_rollups
union select user_id from changed_eligibility_log
union select id from old_users where id not in (select id from all_users)
{unknown_words}
