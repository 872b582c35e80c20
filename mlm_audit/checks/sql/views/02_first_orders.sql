-- Since when each buyer has bought: first_paid_at of every order that was ever paid, also those that no plan version covers;
-- first_order_id is the first that one covers, which makes it the joining order.
with covered as (
    select
        member_id,
        min(paid_at) as paid_at
    from paid_orders
    group by member_id
),

joining as (
    select
        o.member_id,
        min(o.order_id) as order_id
    from paid_orders as o
    inner join covered as c on o.member_id = c.member_id and o.paid_at = c.paid_at
    group by o.member_id
)

select
    o.user_id as member_id,
    min(o.paid_at) as first_paid_at,
    min(j.order_id) as first_order_id
from orders as o
left join joining as j on o.user_id = j.member_id
where o.paid_at is not null
group by o.user_id
