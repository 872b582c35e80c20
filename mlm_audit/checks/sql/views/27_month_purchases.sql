-- Purchases per buyer and business month: of the orders that stand today, and of all orders that were ever paid. A refund has no
-- recorded time, so the amount that a sweep counted lies between the two.
select
    o.user_id as member_id,
    m.month,
    count(*) as orders,
    sum(case when w.stands then 1 else 0 end)::BIGINT as standing_orders,
    sum(o.total_paisa)::BIGINT as all_paisa,
    sum(case when w.stands then o.total_paisa else 0 end)::BIGINT as standing_paisa
from orders as o
inner join months as m on o.paid_at >= m.starts_at and o.paid_at < m.ends_at
left join order_states as w on o.status = w.status
group by o.user_id, m.month
