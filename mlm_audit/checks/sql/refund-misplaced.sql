-- code: refund-misplaced
-- title: A refund was reversed in the wrong place
-- severity: high
-- needs: orders, commissions, ledger
-- determines: commissions.level, commissions.user_id, ledger.level_depth, ledger.type, ledger.user_id
-- proves: Of an order that no longer stands every line adds up to nothing by itself: each member's, each level's, and the company's.
-- do: Move the reversal from the line that has too much of it to the line that still stands.
-- message: Order {order_id} no longer stands; its line {line} of {who} still has {left_paisa}, and another line has as much too little.
with fallen as (
    select order_id, member_id from order_sums where not stands and posted_paisa = 0
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
        max(id) as last_id
    from lines
    group by order_id, line, user_id
)

select
    user_id as member_id,
    order_id,
    left_paisa as amount_paisa,
    line,
    coalesce('member ' || user_id, 'the company') as who,
    left_paisa,
    'refund-misplaced' as cause,
    [{'table': 'order', 'id': order_id, 'line': line, 'left_paisa': left_paisa}] as evidence,
    {
        'table': table_name,
        'kind': kind,
        'level': level,
        'from_id': from_user_id,
        'status': status,
        'left_paisa': left_paisa,
        'last_id': last_id
    } as facts,
    order_id || '/' || line || '/' || coalesce(user_id, 0) as key
from summed
where left_paisa <> 0
