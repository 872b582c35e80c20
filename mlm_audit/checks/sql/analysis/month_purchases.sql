-- Per buyer, for one month (`sim_month`): the standing orders' purchases within the month and number before its end, and the time
-- of the buyer's first payment for any order.
with paid as (
    select
        o.user_id as member_id,
        o.paid_at,
        o.status not in (select status from order_states where not stands) as stands,
        f.total_paisa
    from orders as o
    inner join order_facts as f on o.id = f.id
    where o.paid_at is not null
)

select
    p.member_id,
    min(p.paid_at) as first_paid_at,
    sum(case when p.stands and p.paid_at < m.ends_at then 1 else 0 end)::BIGINT as paid_orders,
    sum(
        case when p.stands and p.paid_at >= m.starts_at and p.paid_at < m.ends_at then p.total_paisa else 0 end
    )::BIGINT as purchase_paisa
from paid as p
cross join sim_month as m
group by p.member_id
