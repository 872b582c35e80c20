-- Repurchase commission of standing orders that is still pending although its month was swept.
select
    c.user_id as member_id, c.order_id, c.amount_paisa, c.id as commission_id, c.level, o.month,
    c.created_at >= m.ends_at as is_postdated
from (select * from commissions where type = 'repurchase' and status = 'pending') as c
inner join paid_orders as o on c.order_id = o.order_id
inner join months as m on o.month = m.month
inner join monthly_stats as s on o.month = s.year::BIGINT * 100 + s.month
where o.stands
