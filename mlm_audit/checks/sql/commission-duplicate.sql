-- code: commission-duplicate
-- title: A commission is recorded twice
-- severity: high
-- needs: orders, commissions, ledger, matrix_nodes, users
-- determines: commissions.(row), commissions.level, commissions.order_id, orders.status
-- proves: There is one commission record per order and level.
-- do: Remove the second record before the sweep releases it; if it was released, recover the amount.
-- message: Order {order_id}, level {level}: recorded {records} times.
select
    f.upline_id as member_id,
    f.order_id,
    f.recorded_paisa - f.amount_paisa as amount_paisa,
    f.level,
    f.records,
    case when misplaced.order_id is null then 'recorded-twice' else 'wrong-level' end as cause,
    [{'table': 'order', 'id': f.order_id, 'level': f.level, 'records': f.records,
        'recorded_paisa': f.recorded_paisa}] as evidence,
    {
        'upline_id': f.upline_id,
        'level': f.level,
        'due_paisa': f.amount_paisa,
        'records': f.records,
        'credits': f.credits,
        'rollups': f.rollups,
        'recorded_paisa': f.recorded_paisa,
        'credited_paisa': f.credited_paisa,
        'rolled_up_paisa': f.rolled_up_paisa,
        'record_id': w.record_id,
        'record_status': w.record_status,
        'record_user_id': w.record_user_id,
        'credit_id': w.credit_id,
        'credit_user_id': w.credit_user_id,
        'credit_row_paisa': w.credit_row_paisa,
        'rollup_id': w.rollup_id,
        'buyer_id': w.buyer_id,
        'is_joining': w.is_joining,
        'month': w.month,
        'paid_at': w.paid_at,
        'is_swept': w.is_swept,
        'is_eligible': w.is_eligible,
        'month_rollup_id': w.month_rollup_id,
        'month_rollup_paisa': w.month_rollup_paisa,
        'month_rollup_count': w.month_rollup_count,
        'month_log_id': w.month_log_id,
        'month_logged_paisa': w.month_logged_paisa,
        'stats_paisa': w.stats_paisa
    } as facts,
    f.order_id || '/' || f.level as key
from level_faults as f
left join line_rows as w on f.order_id = w.order_id and f.level = w.level
left join (select distinct order_id from level_faults where fault = 'missing') as misplaced
    on f.order_id = misplaced.order_id
where f.fault = 'recorded-twice'
