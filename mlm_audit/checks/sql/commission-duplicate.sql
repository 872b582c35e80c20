-- code: commission-duplicate
-- title: A commission is recorded twice
-- severity: high
-- needs: orders, commissions, ledger, matrix_nodes, users
-- requires: ledger.reference_id
-- optional: none
-- determines: commissions.(row), commissions.level, commissions.order_id, orders.status
-- about: order
-- slices: order
-- local: yes
-- causes: recorded-twice, wrong-level
-- follows: row
-- explains: line, month
-- proves: There is one commission record per order and level.
-- do: Remove the second record before the sweep releases it; if it was released, recover the amount.
-- message: Order {order_id}, level {level}: the commission is recorded {records} times.
select
    f.upline_id as member_id,
    f.order_id,
    f.recorded_paisa - f.amount_paisa as amount_paisa,
    f.level,
    f.records,
    case when misplaced.order_id is null then 'recorded-twice' else 'wrong-level' end as cause,
    [{'table': 'order', 'id': f.order_id, 'level': f.level, 'records': f.records,
        'recorded_paisa': f.recorded_paisa}] as evidence,
    {'order_line': w.line} as facts,
    f.order_id || '/' || f.level as key
from level_faults as f
left join line_rows as w on f.order_id = w.order_id and f.level is not distinct from w.level
left join (select distinct order_id from level_faults where fault = 'missing') as misplaced
    on f.order_id = misplaced.order_id
where f.fault = 'recorded-twice'
