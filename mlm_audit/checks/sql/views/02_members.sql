-- Every member, whether active today, and since when an order below them earns them commission.
with firsts as (
    -- Of every order that was ever paid, also those that no plan version covers.
    select user_id as member_id, min(paid_at) as first_paid_at
    from orders
    where paid_at is not null
    group by user_id
)

select
    u.id as member_id,
    u.is_active and not u.is_blocked as is_active_now,
    f.first_paid_at,
    case when r.active_from = 'registration' then null else f.first_paid_at end as earns_from
from users as u
left join firsts as f on u.id = f.member_id
cross join rules as r
