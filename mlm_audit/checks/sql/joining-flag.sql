-- code: joining-flag
-- title: The joining flag is on the wrong order
-- severity: medium
-- needs: orders
-- requires: none
-- optional: none
-- determines: orders.is_joining_order, orders.user_id
-- about: order
-- slices: order, payout
-- local: yes
-- causes: joining-flag-wrong
-- follows: order-date, buyer
-- explains: order
-- proves: A member's first paid order, and no other order, is the joining order.
-- do: Decide which order is the first. The joining order is split differently, because only joining orders pay self income.
-- message: Order {order_id} is {what} of member {member_id}.
select
    o.order_id,
    o.member_id,
    0::BIGINT as amount_paisa,
    case
        when o.order_id = f.first_order_id then 'not marked as joining, although it is the first order'
        else 'marked as joining, although it is not the first order'
    end as what,
    'joining-flag-wrong' as cause,
    [{'table': 'order', 'id': o.order_id, 'first_order_id': f.first_order_id}] as evidence,
    {'is_joining': o.is_joining, 'first_order_id': f.first_order_id, 'is_proven': d.order_id is null} as facts,
    o.order_id as key
from paid_orders as o
inner join first_orders as f on o.member_id = f.member_id
-- If the order's lines match its flag, the flag is not what is wrong.
left join (select order_id from order_sums where differs) as d on o.order_id = d.order_id
where o.is_joining <> (o.order_id = f.first_order_id)
