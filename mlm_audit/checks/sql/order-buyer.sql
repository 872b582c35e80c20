-- code: order-buyer
-- title: An order names a different buyer from its records
-- severity: high
-- needs: orders, commissions, ledger, payout_schedule, matrix_nodes, users
-- requires: ledger.reference_id
-- optional: none
-- determines: orders.user_id
-- about: order
-- slices: order, payout
-- local: yes
-- causes: order-buyer-changed
-- follows: none
-- explains: order
-- proves: If all commission records of an order agree on a buyer, the order names that buyer.
-- do: Find out who edited the order and restore its buyer; do not move any of its postings.
-- message: Order {order_id} names {who} as its buyer; its {records_text} member {buyer_id}.
with named as (
    select
        order_id,
        count(*) as records,
        min(from_user_id) as buyer_id
    from commissions
    where type in ('joining', 'repurchase') and order_id in (select order_id from order_sums where differs)
    group by order_id
    having count(*) = count(from_user_id) and min(from_user_id) = max(from_user_id)
),

scheduled as (
    select order_id, min(user_id) as buyer_id
    from payout_schedule
    where order_id in (select order_id from named)
    group by order_id
)

select
    o.user_id as member_id,
    n.order_id,
    0::BIGINT as amount_paisa,
    case when n.records = 1 then '1 commission record names' else n.records || ' commission records name' end as records_text,
    coalesce('member ' || o.user_id, 'no member') as who,
    n.buyer_id,
    'order-buyer-changed' as cause,
    [{'table': 'order', 'id': n.order_id, 'user_id': o.user_id, 'from_user_id': n.buyer_id}] as evidence,
    {
        'buyer_id': n.buyer_id,
        'user_id': o.user_id,
        'records': n.records,
        'is_joining': o.is_joining_order,
        'month': p.month
    } as facts,
    n.order_id as key
from named as n
inner join orders as o on n.order_id = o.id
left join (select order_id, month from paid_orders where order_id in (select order_id from named)) as p on n.order_id = p.order_id
left join scheduled as s on n.order_id = s.order_id
where
    o.user_id is distinct from n.buyer_id
    and n.buyer_id in (select id from users)
    -- A single record may itself be wrong.
    and (n.records > 1 or s.buyer_id = n.buyer_id)
