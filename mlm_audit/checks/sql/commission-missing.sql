-- code: commission-missing
-- title: A level commission is missing
-- severity: high
-- needs: orders, commissions, ledger, matrix_nodes, users
-- determines: commissions.(row), commissions.level, commissions.order_id, commissions.type, matrix_nodes.(row), orders.(row)
-- proves: Every level of every paid order with an active upline has its commission.
-- do: Take the steps of `mlm-audit remedy show`; look first whether the commission was booked elsewhere.
-- message: Order {order_id}, level {level}: {expected_paisa} for member {member_id} is missing.
select
    f.upline_id as member_id,
    f.order_id,
    -f.amount_paisa as amount_paisa,
    f.amount_paisa as expected_paisa,
    f.level,
    case
        when f.fault = 'rolled-up' then 'rolled-up-though-active'
        when mr.id is not null or mc.id is not null then 'wrong-level'
        else 'lost-commission'
    end as cause,
    [{'table': 'order', 'id': f.order_id, 'level': f.level, 'expected_paisa': f.amount_paisa}] as evidence,
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
        'stats_paisa': w.stats_paisa,
        'in_wallet': m.in_wallet,
        'misplaced_record_id': mr.id,
        'misplaced_record_level': mr.level,
        'misplaced_credit_id': mc.id,
        'misplaced_credit_level': mc.level_depth,
        'misplaced_paisa': mc.amount_paisa
    } as facts,
    f.order_id || '/' || f.level as key
from level_faults as f
left join line_rows as w on f.order_id = w.order_id and f.level = w.level
left join missing_credits as m
    on m.kind = 'sponsor_commission' and f.order_id = m.reference_id and f.level = m.level
-- The same amount of the same order at another level of the same upline: it was booked there instead.
left join (
    select order_id, user_id, amount_paisa, max(id) as id, max_by(level, id) as level
    from commissions
    where type in ('joining', 'repurchase') and order_id in (select order_id from level_faults where fault = 'missing')
    group by order_id, user_id, amount_paisa
) as mr on f.order_id = mr.order_id and f.upline_id = mr.user_id and f.amount_paisa = mr.amount_paisa and f.fault = 'missing'
left join (
    select reference_id, user_id, amount_paisa, max(id) as id, max_by(level_depth, id) as level_depth
    from ledger
    where
        type = 'sponsor_commission' and reference_id in (select order_id from level_faults where fault = 'missing')
        and id not in (select of_id from corrections)
    group by reference_id, user_id, amount_paisa
) as mc on f.order_id = mc.reference_id and f.upline_id = mc.user_id and f.amount_paisa = mc.amount_paisa and f.fault = 'missing'
where f.fault in ('missing', 'rolled-up')
