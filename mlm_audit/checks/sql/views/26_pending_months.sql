-- Undecided repurchase commission of standing orders, per business month of the order.
select
    o.month,
    count(*) as rows,
    sum(c.amount_paisa)::BIGINT as pending_paisa,
    min(c.id) as first_commission_id
from (select id, order_id, amount_paisa from commissions where type = 'repurchase' and status = 'pending') as c
inner join paid_orders as o on c.order_id = o.order_id
where o.stands
group by o.month
