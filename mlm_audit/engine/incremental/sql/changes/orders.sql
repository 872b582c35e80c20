-- The orders with changed rows of their own, of their lines, or of their buyer. {named_rows} are the rows that new
-- corrections name.
select id from changed_orders
union select order_id from changed_commissions
union select reference_id from changed_ledger where type in {order_lines}
union select order_id from changed_payout_schedule
union select reference_id from ({named_rows}) as named where type in {order_lines}
union select unnest([b.first_order_id, a.first_order_id])
from first_orders as a full outer join kept_first_orders as b on a.member_id = b.member_id
where a.first_order_id is distinct from b.first_order_id
union select id from all_orders where user_id in (select member_id from buyers_concerned)
