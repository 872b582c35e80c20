-- The ledger rows of the subset. Each part is a scan of its own, so that DuckDB skips what cannot match. It could not do so
-- with conditions joined by `or`.
select * from member_ledger
union select * from all_ledger where id in (select id from seed_ledger)
union select * from all_ledger where reference_id in (select id from in_orders) and type in {order_lines}
union select * from all_ledger where reference_id in (select id from in_schedules) and type = 'self_payout'
union select * from all_ledger where reference_id in (select id from in_withdrawals) and type = 'withdrawal'
union select * from all_ledger where type in {gifts}
