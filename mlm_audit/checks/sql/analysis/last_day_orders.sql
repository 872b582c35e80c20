-- Orders on the last day of a business month (`day_months`) with which a member's purchases of that month reached the plan's
-- requirement and exceeded it by less than `tolerance_bps`. Only standing orders count.
with bought as (
    select
        o.id as order_id,
        o.user_id as member_id,
        o.paid_at,
        m.month,
        m.last_day_at,
        f.total_paisa,
        sum(f.total_paisa) over (partition by o.user_id, m.month order by o.paid_at, o.id) as reached_paisa
    from orders as o
    inner join order_facts as f on o.id = f.id
    inner join day_months as m on o.paid_at >= m.starts_at and o.paid_at < m.ends_at
    where o.status not in (select status from order_states where not stands)
)

select
    b.member_id,
    count(*)::BIGINT as orders,
    max(b.order_id) as last_order_id,
    min(b.month) as first_month,
    max(b.month) as last_month,
    sum(b.total_paisa)::BIGINT as amount_paisa
from bought as b
cross join look_terms as t
where
    b.paid_at >= b.last_day_at
    and b.reached_paisa >= t.required_paisa
    and b.reached_paisa - b.total_paisa < t.required_paisa
    and b.reached_paisa * 10000 < t.required_paisa * (10000 + t.tolerance_bps)
group by b.member_id
order by orders desc, amount_paisa desc, b.member_id
