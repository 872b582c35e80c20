-- The withdrawals with changed rows of their own or of their debit.
select id from changed_withdrawals
union select reference_id from changed_ledger where type = 'withdrawal'
union select reference_id from ({named_rows}) as named where type = 'withdrawal'
