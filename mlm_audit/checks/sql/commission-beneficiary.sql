-- code: commission-beneficiary
-- title: A commission went to the wrong member
-- severity: critical
-- needs: orders, commissions, ledger, matrix_nodes, users
-- determines: commissions.user_id, ledger.user_id, matrix_nodes.parent_id, orders.user_id
-- proves: Each level's commission goes to the matrix ancestor at that level.
-- do: Move the commission from the member who has it to the upline at this level.
-- message: Order {order_id}, level {level}: member {member_id} should have {expected_paisa}; {paid_to} has it.
select
    f.upline_id as member_id,
    f.order_id,
    -f.amount_paisa as amount_paisa,
    f.amount_paisa as expected_paisa,
    f.level,
    case
        when f.member_low = 0 then 'the company'
        when f.member_low <> f.upline_id then 'member ' || f.member_low
        else 'member ' || f.member_high
    end as paid_to,
    'wrong-beneficiary' as cause,
    [{'table': 'order', 'id': f.order_id, 'level': f.level, 'expected_member_id': f.upline_id,
        'paid_to_member_id': case when f.member_low <> f.upline_id then f.member_low else f.member_high end}] as evidence,
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
where f.fault = 'beneficiary'
