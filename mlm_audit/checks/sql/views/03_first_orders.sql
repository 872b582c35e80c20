-- The joining order of each buyer: the first order that a plan version covers.
select
    o.member_id,
    min(o.order_id) as first_order_id
from paid_orders as o
inner join (
    select
        member_id,
        min(paid_at) as paid_at
    from paid_orders
    group by member_id
) as f on o.member_id = f.member_id and o.paid_at = f.paid_at
group by o.member_id
