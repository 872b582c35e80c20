-- Repurchase commission per member, business month of its order, and status; early_rows were decided before the month's end.
select
    c.user_id as member_id,
    o.month,
    c.status,
    count(*) as rows,
    sum(c.amount_paisa)::BIGINT as amount_paisa,
    min(c.id) as first_commission_id,
    sum(case when c.status <> 'pending' and c.processed_at < m.ends_at then 1 else 0 end)::BIGINT as early_rows
from commissions as c
inner join paid_orders as o on c.order_id = o.order_id
inner join months as m on o.month = m.month
where c.type = 'repurchase'
group by c.user_id, o.month, c.status
