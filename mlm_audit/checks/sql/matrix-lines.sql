-- code: matrix-lines
-- title: Orders were paid along another tree
-- severity: high
-- needs: orders, commissions, ledger, matrix_nodes, users
-- determines: matrix_nodes.parent_id
-- proves: No member's orders, and those below, were all paid to the uplines of one other place in the matrix, or to nobody above them.
-- do: Find out who moved the member in the matrix; set the place right first, and reverse nothing of the orders before that.
-- message: {orders} orders of member {member_id} and of members below were paid as if {paid_to_text} stood above member {member_id}; the matrix has {parent_text} there.
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
        -- Nobody, where the line was rolled up or is missing: such a line says nothing of another place, and may be wrong because of it.
        case
            when f.fault not in ('beneficiary', 'unexpected', 'inactive-upline') or f.records + f.credits = 0 then null
            when f.member_low = f.upline_id then f.member_high
            else f.member_low
        end as paid_to_id
    from wrong as w
    inner join level_faults as f on w.order_id = f.order_id and w.level = f.level
    inner join orders as o on w.order_id = o.id
    left join uplines as u on o.user_id = u.member_id and w.level = u.level + 1
),

unpaid as (
    select
        member_id,
        list(distinct order_id) as order_ids
    from placed
    where paid_to_id is null
    group by member_id
),

-- Orders of which the company kept what the uplines from some level on would have got: there was nobody above then.
kept as (
    select
        p.order_id,
        p.member_id,
        o.paid_at
    from placed as p
    inner join order_sums as s on p.order_id = s.order_id
    inner join (select * from paid_orders where order_id in (select order_id from placed)) as o on p.order_id = o.order_id
    where
        p.paid_to_id is null
        and s.posted_paisa = o.company_paisa + o.pot_paisa
        and p.order_id not in (select order_id from level_faults where fault not in ('missing', 'rollup-missing'))
        and p.member_id not in (select member_id from placed where member_id is not null and paid_to_id is not null)
),

topped as (
    select
        member_id,
        max(paid_at) as last_at
    from kept
    group by member_id
    having count(distinct order_id) > 1
),

-- The other orders that pay the uplines of such a member: a place that was changed is wrong for every order up to some day.
others as (
    select
        t.member_id,
        min(o.paid_at) as first_at
    from topped as t
    inner join (
        select member_id as buyer_id, upline_id as member_id, level + 1 as level from uplines
        union all
        select member_id as buyer_id, member_id, 1 as level from topped
    ) as b on t.member_id = b.member_id
    inner join paid_orders as o on b.buyer_id = o.member_id
    inner join plan_levels as l on o.version_no = l.version_no and b.level = l.level
    where o.stands and o.pot_paisa * l.share_bps // 10000 > 0 and o.order_id not in (select order_id from kept)
    group by t.member_id
),

moved as (
    select order_id, member_id, paid_to_id from placed where paid_to_id > 0
    union all
    select
        k.order_id,
        k.member_id,
        null::BIGINT as paid_to_id
    from kept as k
    inner join topped as t on k.member_id = t.member_id
    left join others as o on k.member_id = o.member_id
    where coalesce(o.first_at > t.last_at, true)
)

select
    p.member_id,
    0::BIGINT as amount_paisa,
    p.paid_to_id,
    count(distinct p.order_id) as orders,
    coalesce('member ' || p.paid_to_id, 'nobody') as paid_to_text,
    coalesce('member ' || max(n.parent_id), 'nobody') as parent_text,
    'matrix-place-changed' as cause,
    [{'table': 'matrix_nodes', 'id': p.member_id}] as evidence,
    {
        'paid_to_id': p.paid_to_id,
        'parent_id': max(n.parent_id),
        'has_node': max(n.user_id) is not null,
        'order_ids': list_sort(list_distinct(list_concat(list(p.order_id), coalesce(any_value(u.order_ids), []))))
    } as facts,
    p.member_id as key
from moved as p
left join matrix_nodes as n on p.member_id = n.user_id
left join unpaid as u on p.member_id = u.member_id
where p.member_id is not null and p.paid_to_id is distinct from n.parent_id
group by p.member_id, p.paid_to_id
having count(distinct p.order_id) > 1
