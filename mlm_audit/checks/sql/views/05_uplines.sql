-- The matrix ancestors of every buyer, as deep as the plan pays: level 1 is the parent.
with recursive up as (
    select
        user_id as member_id,
        1::BIGINT as level,
        parent_id as upline_id
    from matrix_nodes
    where parent_id is not null and user_id in (select member_id from paid_orders)
    union all
    select
        up.member_id,
        up.level + 1 as level,
        n.parent_id as upline_id
    from up
    inner join matrix_nodes as n on up.upline_id = n.user_id
    where n.parent_id is not null and up.level < (
        select max(level) from plan_levels where version_no in (select version_no from paid_orders)
    )
)

select
    up.member_id,
    up.level,
    up.upline_id,
    m.active_from,
    m.unknown_from
from up
inner join members as m on up.upline_id = m.member_id
