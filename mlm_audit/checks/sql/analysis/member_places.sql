-- The place of each member in the matrix today: the level of their node (0 is a top; null in or below a cycle, or without a
-- node), and the number of nodes in the five levels below them.
with recursive levels as (
    select
        user_id,
        0::BIGINT as depth
    from matrix_nodes
    where parent_id is null
    union all
    select
        n.user_id,
        l.depth + 1 as depth
    from levels as l
    inner join matrix_nodes as n on l.user_id = n.parent_id
),

ways as (
    select
        parent_id as upline_id,
        1::BIGINT as hops
    from matrix_nodes
    where parent_id is not null
    union all
    select
        n.parent_id as upline_id,
        w.hops + 1 as hops
    from ways as w
    inner join matrix_nodes as n on w.upline_id = n.user_id
    where n.parent_id is not null and w.hops < 5
),

teams as (
    select
        upline_id,
        count(*)::BIGINT as team
    from ways
    group by upline_id
)

select
    n.user_id as member_id,
    l.depth,
    coalesce(t.team, 0) as team
from matrix_nodes as n
left join levels as l on n.user_id = l.user_id
left join teams as t on n.user_id = t.upline_id
