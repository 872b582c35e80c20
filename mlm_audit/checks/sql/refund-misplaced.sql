-- code: refund-misplaced
-- title: A refund was reversed on the wrong line
-- severity: high
-- needs: orders, commissions, ledger
-- requires: ledger.reference_id
-- optional: none
-- determines: commissions.level, commissions.user_id, ledger.level_depth, ledger.type, ledger.user_id
-- about: issue
-- slices: order
-- local: yes
-- causes: refund-misplaced
-- follows: row
-- explains: month
-- proves: Every line of an order that no longer stands adds up to zero by itself: each member's, each level's and the company's.
-- do: Move the reversal from the line that was reversed too far to the line that was not reversed in full.
-- message: Order {order_id} no longer stands; its line {line} of {who} adds up to {left_paisa} instead of zero, and other lines offset this amount.
with fallen as (
    select order_id, member_id from order_sums where not stands and differs and posted_paisa = 0
),

lines as (
    select
        order_id,
        case
            when table_name = 'commissions' then 'commission record, level ' || coalesce(level, 0)
            else kind || case when level is null then '' else ', level ' || level end
        end as line,
        table_name,
        kind,
        level,
        user_id,
        from_user_id,
        status,
        id,
        amount_paisa
    from fallen_lines
    where order_id in (select order_id from fallen)
),

summed as (
    select
        order_id,
        line,
        user_id,
        sum(amount_paisa)::BIGINT as left_paisa,
        max(table_name) as table_name,
        max(kind) as kind,
        max(level) as level,
        max(from_user_id) as from_user_id,
        max(status) as status,
        max(id) as last_id,
        count(*) as rows
    from lines
    group by order_id, line, user_id
)

select
    s.user_id as member_id,
    s.order_id,
    s.left_paisa as amount_paisa,
    s.line,
    coalesce('member ' || s.user_id, 'the company') as who,
    s.left_paisa,
    'refund-misplaced' as cause,
    [{'table': 'order', 'id': s.order_id, 'line': s.line, 'left_paisa': s.left_paisa}] as evidence,
    {
        'table': s.table_name,
        'kind': s.kind,
        'level': s.level,
        'from_id': s.from_user_id,
        'status': s.status,
        'left_paisa': s.left_paisa,
        'last_id': s.last_id,
        'month': o.month,
        -- If only the level is different, the member's month is right.
        'member_left_paisa': w.left_paisa,
        -- The single row that names another level of the same holder, and the level that it reverses.
        'rows': s.rows,
        'pair_line': v.pair_line,
        'pair_level': v.level,
        'pair_kind': v.kind,
        'pair_rows': v.rows,
        'books': g.books,
        'totals': t.totals
    } as facts,
    s.order_id || '/' || s.line || '/' || coalesce(s.user_id, 0) as key
from summed as s
left join paid_orders as o on s.order_id = o.order_id
left join month_facts as g
    on s.user_id = g.member_id and o.month = g.month and s.table_name = 'commissions'
left join month_sums as t on o.month = t.month
left join (
    select order_id, user_id, sum(left_paisa)::BIGINT as left_paisa
    from summed
    where table_name = 'commissions'
    group by order_id, user_id
) as w on s.order_id = w.order_id and s.user_id = w.user_id and s.table_name = 'commissions'
-- The only other line of the same holder with the opposite amount: at another level or, for the company, of another kind.
left join (
    select a.order_id, a.line, a.user_id, max(b.line) as pair_line, max(b.level) as level, max(b.kind) as kind, max(b.rows) as rows
    from summed as a
    inner join summed as b
        on a.order_id = b.order_id and a.user_id is not distinct from b.user_id and a.table_name = b.table_name
        and a.left_paisa = -b.left_paisa
        -- A row of the company may have another kind at the same level.
        and (a.kind = b.kind or (a.user_id is null and a.table_name = 'ledger' and a.level is not distinct from b.level))
    where a.left_paisa <> 0
    group by a.order_id, a.line, a.user_id
    having count(*) = 1
) as v
    on s.order_id = v.order_id and s.line = v.line and s.user_id is not distinct from v.user_id
where s.left_paisa <> 0
