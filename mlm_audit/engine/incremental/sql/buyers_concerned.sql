-- The buyers whose orders may now pay their uplines differently, because an activity or a place changed: their own, or
-- that of a member up to {levels} levels above them.
with recursive moved as (
    select coalesce(o.id, n.id) as member_id
    from old_users as o full outer join new_users as n on o.id = n.id
    where o.is_active is distinct from n.is_active or o.is_blocked is distinct from n.is_blocked
    union
    select coalesce(a.member_id, b.member_id)
    from first_paid as a full outer join kept_first_paid as b on a.member_id = b.member_id
    where a.first_paid_at is distinct from b.first_paid_at
    union
    select user_id from changed_matrix_nodes
),
below as (
    select member_id, 0 as depth from moved
    union
    select n.user_id, b.depth + 1
    from below as b inner join nodes_then_and_now as n on n.parent_id = b.member_id
    where b.depth < {levels}
)
select distinct member_id from below
