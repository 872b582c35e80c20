-- The matrix ancestors of every buyer, down to the last level that the plan pays: level 1 is the parent. A duplicate node counts once.
-- A member with nodes below several parents has the uplines of each, so that no line is proven until one of the nodes is removed.
-- joining_line, repurchase_line, rollup_line: the value of a line of this level in an order's signature (order_sums) if the upline gets
-- it from a joining order, if the upline gets it from a repurchase, and if it is rolled up. credit_line: the ledger's part alone.
with recursive nodes as (
    select distinct user_id, parent_id from matrix_nodes
),

up as (
    select
        user_id as member_id,
        1::BIGINT as level,
        parent_id as upline_id
    from nodes
    where parent_id is not null and user_id in (select member_id from paid_orders)
    union all
    select
        up.member_id,
        up.level + 1 as level,
        n.parent_id as upline_id
    from up
    inner join nodes as n on up.upline_id = n.user_id
    where n.parent_id is not null and up.level < (
        select max(level) from plan_levels where version_no in (select version_no from paid_orders)
    )
)

select
    up.member_id,
    up.level::SMALLINT as level,
    up.upline_id,
    m.active_from,
    m.unknown_from,
    m.repurchase_from,
    ((hash(7923::BIGINT, up.level, up.upline_id, up.member_id, 1::BIGINT) >> 35)::BIGINT + 1
    + (hash(7919::BIGINT, up.level, up.upline_id) >> 35)::BIGINT + 1)::INTEGER as joining_line,
    ((hash(7923::BIGINT, up.level, up.upline_id, up.member_id, 0::BIGINT) >> 35)::BIGINT + 1
    + case when r.is_credited_at_once then (hash(7919::BIGINT, up.level, up.upline_id) >> 35)::BIGINT + 1 else 0 end)::INTEGER
        as repurchase_line,
    ((hash(7919::BIGINT, up.level, up.upline_id) >> 35)::BIGINT + 1)::INTEGER as credit_line,
    ((hash(7920::BIGINT, up.level, 0::BIGINT) >> 35)::BIGINT + 1)::INTEGER as rollup_line
from up
inner join members as m on up.upline_id = m.member_id
cross join rules as r
