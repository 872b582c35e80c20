-- code: undecided-after-sweep
-- title: Commission left undecided by the sweep
-- severity: medium
-- needs: commissions, orders, monthly_stats
-- proves: After a month was swept, none of its repurchase commission is still pending.
-- do: Run the sweep for that month again; it decides only what is undecided.
-- message: Commission {commission_id} of order {order_id} is still pending, though {month} was swept.
select
    c.user_id as member_id,
    c.order_id,
    c.amount_paisa,
    c.id as commission_id,
    o.month,
    'missed-by-sweep' as cause,
    [{'table': 'commissions', 'id': c.id}] as evidence,
    c.id as key
from commissions as c
inner join paid_orders as o on c.order_id = o.order_id
inner join monthly_stats as s on o.month = s.year::BIGINT * 100 + s.month
where c.type = 'repurchase' and c.status = 'pending' and o.stands
