-- what: joining orders have exactly the instalments that the plan gives
-- needs: orders, payout_schedule
-- next: run the reconciliation: it lists the instalments that differ
select
    count(*) as total,
    coalesce(sum(case when f.order_id is null then 1 else 0 end), 0) as good
from paid_orders as o
left join (select distinct order_id from instalment_faults) as f on o.order_id = f.order_id
where o.is_joining and o.stands
