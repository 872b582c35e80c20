-- Every order's C in three parts that add up to it: the company (share, rolled-up levels, remainder), members (levels, self
-- income), and the amount that a version does not post.
with levels as (
    select
        order_id,
        sum(case when to_member then amount_paisa else 0 end) as members_paisa,
        sum(case when to_member then 0 else amount_paisa end) as company_paisa
    from sim_lines
    group by order_id
)

select
    o.order_id,
    o.month,
    o.commission_paisa,
    (
        o.company_paisa
        + coalesce(l.company_paisa, 0)
        + case
            when o.posts_remainder then o.pot_paisa - coalesce(l.members_paisa, 0) - coalesce(l.company_paisa, 0)
            else 0
        end
    )::BIGINT as company_paisa,
    (o.self_paisa + coalesce(l.members_paisa, 0))::BIGINT as members_paisa,
    case
        when o.posts_remainder then 0
        else o.pot_paisa - coalesce(l.members_paisa, 0) - coalesce(l.company_paisa, 0)
    end::BIGINT as unposted_paisa
from sim_orders as o
left join levels as l on o.order_id = l.order_id
