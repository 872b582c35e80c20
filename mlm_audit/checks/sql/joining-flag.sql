-- code: joining-flag
-- title: The joining flag is on the wrong order
-- severity: medium
-- needs: orders
-- proves: Exactly a member's first paid order is the joining order.
-- do: Decide which order is the first; its split differs (self income is paid on joining orders only).
-- message: Order {order_id} is {what} of member {member_id}.
with ranked as (
    select
        order_id,
        member_id,
        is_joining,
        commission_paisa,
        row_number() over (partition by member_id order by paid_at, order_id) as place
    from paid_orders
)

select
    order_id,
    member_id,
    0::BIGINT as amount_paisa,
    case
        when place = 1 then 'not marked as joining, though it is the first'
        else 'marked as joining, though it is not the first'
    end as what,
    'joining-flag-wrong' as cause,
    [{'table': 'order', 'id': order_id, 'place': place}] as evidence,
    order_id as key
from ranked
where is_joining <> (place = 1)
