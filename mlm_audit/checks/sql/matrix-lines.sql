-- code: matrix-lines
-- title: Orders were paid along another tree
-- severity: high
-- needs: orders, commissions, ledger, matrix_nodes, users
-- determines: matrix_nodes.parent_id
-- proves: No member's orders, and those below, were all paid to the uplines of one other place in the matrix.
-- do: Find out who moved the member in the matrix; set the place right first, and reverse nothing of the orders before that.
-- message: {orders} orders of member {member_id} and below were paid to {paid_to_text}, not to {parent_text}.
with places as (
    -- Of a place below nobody every order of the member and below has to be explained: nothing else shows that nobody stood above.
    select
        member_id,
        paid_to_id,
        count(*) filter (where is_explained) as orders,
        list_sort(list(order_id) filter (where is_explained)) as order_ids,
        list_sort(list(order_id) filter (where differs and not is_explained)) as open_order_ids
    from place_orders
    group by member_id, paid_to_id
    having count(*) filter (where is_explained) > 1 and (paid_to_id > 0 or bool_and(is_explained))
)

select
    p.member_id,
    0::BIGINT as amount_paisa,
    p.orders,
    case when p.paid_to_id > 0 then 'member ' || p.paid_to_id || ' and above' else 'nobody' end as paid_to_text,
    coalesce('member ' || case when n.parent_id = p.paid_to_id then n.first_parent_id else n.parent_id end, 'nobody') as parent_text,
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
