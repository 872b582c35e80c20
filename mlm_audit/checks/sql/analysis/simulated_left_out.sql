-- The number of standing paid orders of the requested months that were not recomputed.
select count(*)::BIGINT as orders
from orders as o
inner join sim_months as m on o.paid_at >= m.starts_at and o.paid_at < m.ends_at
left join sim_orders as s on o.id = s.order_id
where o.status not in (select status from order_states where not stands) and s.order_id is null
