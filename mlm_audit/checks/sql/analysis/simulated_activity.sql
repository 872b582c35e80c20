-- The period in which each member counts as active, both ends included. A flag has no history: a member who is inactive today was
-- certainly active until the last order whose level amount was credited to them, and counts as inactive afterwards.
with credited as (
    select
        c.user_id as member_id,
        max(o.paid_at) as last_paid_at
    from commissions as c
    inner join orders as o on c.order_id = o.id
    where c.type in ('joining', 'repurchase') and c.amount_paisa > 0
    group by c.user_id
)

select
    m.member_id,
    coalesce(m.active_from, m.unknown_from) as active_from,
    case when u.is_active and not u.is_blocked then '9999-12-31'::TIMESTAMP else c.last_paid_at end as active_until
from members as m
inner join users as u on m.member_id = u.id
left join credited as c on m.member_id = c.member_id
