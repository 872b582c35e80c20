-- code: matrix-lines
-- title: Orders were paid along a different matrix place
-- severity: high
-- needs: orders, commissions, ledger, matrix_nodes, users
-- requires: ledger.reference_id
-- optional: none
-- determines: matrix_nodes.parent_id
-- about: issue
-- slices: none
-- local: yes
-- causes: matrix-place-changed
-- follows: none
-- explains: orders
-- proves: No member has two or more orders, their own or those of the members below, that were paid in every line along another place in the matrix.
-- do: Find out who moved the member in the matrix; correct the place first, and reverse no posting of the orders before that.
-- message: {orders} orders of member {member_id} and the members below, with lines of {lines_paisa}, were paid to {paid_to_text} instead of {parent_text}.
with recursive places as (
    select
        member_id,
        paid_to_id,
        count(*) filter (where bearing = 'explained') as orders,
        sum(case when bearing = 'explained' then lines_paisa end)::BIGINT as lines_paisa,
        list_sort(list(order_id) filter (where bearing = 'explained')) as order_ids,
        list_sort(list(order_id) filter (where bearing = 'open')) as open_order_ids
    from place_orders
    group by member_id, paid_to_id
    having count(*) filter (where bearing = 'explained') > 1 and count(*) filter (where bearing = 'contrary') = 0
),

parents as (
    select
        user_id,
        min(parent_id) as parent_id
    from matrix_nodes
    where parent_id is not null
    group by user_id
),

-- Today's uplines of the members whose orders were paid to no upline. In a ring, the walk ends where it reaches the upline of its
-- last step that was a power of two; by then it has visited every node of the ring.
above as (
    select
        p.member_id,
        n.parent_id as upline_id,
        n.parent_id as kept_id,
        1::BIGINT as step,
        2::BIGINT as next_kept
    from places as p
    inner join parents as n on p.member_id = n.user_id
    where p.paid_to_id = 0
    union all
    select
        a.member_id,
        n.parent_id as upline_id,
        case when a.step + 1 = a.next_kept then n.parent_id else a.kept_id end as kept_id,
        a.step + 1 as step,
        case when a.step + 1 = a.next_kept then a.next_kept * 2 else a.next_kept end as next_kept
    from above as a
    inner join parents as n on a.upline_id = n.user_id
    where n.parent_id <> a.kept_id
)

select
    p.member_id,
    0::BIGINT as amount_paisa,
    p.orders,
    p.lines_paisa,
    case when p.paid_to_id > 0 then 'member ' || p.paid_to_id || ' and above' else 'no upline' end as paid_to_text,
    coalesce('member ' || case when n.parent_id = p.paid_to_id then n.first_parent_id else n.parent_id end, 'no upline') as parent_text,
    'matrix-place-changed' as cause,
    [{'table': 'matrix_nodes', 'id': p.member_id}] as evidence,
    {
        'paid_to_id': nullif(p.paid_to_id, 0),
        'parent_id': n.parent_id,
        'nodes': coalesce(n.nodes, 0),
        'order_ids': p.order_ids,
        'open_order_ids': p.open_order_ids
    } as facts,
    p.member_id as key
from places as p
left join (
    select
        user_id,
        count(*) as nodes,
        min(parent_id) as first_parent_id,
        max(parent_id) as parent_id
    from matrix_nodes
    group by user_id
) as n
    on p.member_id = n.user_id
where
    -- That nothing was posted above a member proves a place without an upline only if today's place is impossible: it is in a cycle.
    p.paid_to_id > 0 or p.member_id in (select member_id from above where upline_id = member_id)
