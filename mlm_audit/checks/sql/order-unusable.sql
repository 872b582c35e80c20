-- code: order-unusable
-- title: An order that cannot be recomputed
-- severity: high
-- needs: orders
-- requires: none
-- optional: none
-- determines: orders.commission_amount_paisa
-- about: order
-- slices: order, payout
-- local: yes
-- causes: order-data-missing
-- follows: none
-- explains: order
-- proves: Every paid order has the time it was paid, a commissionable amount and a plan version in force.
-- do: Complete the order, or add the plan version that was in force.
-- message: Order {order_id} {what}.
with unusable as (
    select *
    from orders
    where
        (paid_at is not null and (
            commission_amount_paisa is null
            or commission_amount_paisa < 0
            or paid_at < (select min(starts_at) from plan_versions)
        ))
        -- Only a paid order can be refunded.
        or (paid_at is null and status in ('paid', 'refunded', 'chargeback', 'charged_back'))
)

select
    o.id as order_id,
    o.user_id as member_id,
    o.commission_amount_paisa as amount_paisa,
    case
        when o.paid_at is null then 'has the status ' || o.status || ' but no time of payment'
        when o.commission_amount_paisa is null then 'has no commissionable amount'
        when o.commission_amount_paisa < 0 then 'has a negative commissionable amount'
        else 'was paid before the first version of the plan'
    end as what,
    'order-data-missing' as cause,
    [{'table': 'order', 'id': o.id, 'status': o.status}] as evidence,
    {'paid_at': o.paid_at, 'status': o.status, 'first_posted_at': s.first_at} as facts,
    o.id as key
from unusable as o
left join (select order_id, first_at from order_sums where order_id in (select id from unusable)) as s on o.id = s.order_id
