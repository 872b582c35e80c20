-- code: matrix-lines
-- title: Orders were paid along another tree
-- severity: high
-- needs: orders, commissions, ledger, matrix_nodes, users
-- determines: matrix_nodes.parent_id
-- proves: No member's orders, and those below, were all paid to the uplines of one other place in the matrix.
-- do: Find out who moved the member in the matrix; set the place right first, and reverse nothing of the orders before that.
-- message: {orders} orders of member {member_id} and below were paid to member {paid_to_id} and above, not to {parent_text}.
with wrong as (
    -- The first level of each order at which somebody else was paid; below it the tree is as it was.
    select
        f.order_id,
        min(f.level) as level
    from level_faults as f
    where f.fault in ('beneficiary', 'unexpected', 'inactive-upline', 'missing', 'rolled-up', 'rollup-missing')
    group by f.order_id
),

placed as (
    select
        w.order_id,
        w.level,
        o.user_id as buyer_id,
        case when w.level = 1 then o.user_id else u.upline_id end as member_id,
        case when f.member_low = f.upline_id then f.member_high else f.member_low end as paid_to_id
    from wrong as w
    inner join level_faults as f on w.order_id = f.order_id and w.level = f.level
    inner join orders as o on w.order_id = o.id
    left join uplines as u on o.user_id = u.member_id and w.level = u.level + 1
    where f.fault in ('beneficiary', 'unexpected') and f.records + f.credits > 0
)

select
    p.member_id,
    0::BIGINT as amount_paisa,
    p.paid_to_id,
    count(distinct p.order_id) as orders,
    coalesce('member ' || max(n.parent_id), 'nobody') as parent_text,
    'matrix-place-changed' as cause,
    [{'table': 'matrix_nodes', 'id': p.member_id}] as evidence,
    {
        'paid_to_id': p.paid_to_id,
        'parent_id': max(n.parent_id),
        'has_node': max(n.user_id) is not null,
        'order_ids': list_sort(list(distinct p.order_id))
    } as facts,
    p.member_id as key
from placed as p
left join matrix_nodes as n on p.member_id = n.user_id
where p.member_id is not null and p.paid_to_id > 0 and p.paid_to_id is distinct from n.parent_id
group by p.member_id, p.paid_to_id
having count(distinct p.order_id) > 1
