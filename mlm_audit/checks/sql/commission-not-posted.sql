-- code: commission-not-posted
-- title: Commission records and ledger disagree
-- severity: high
-- needs: orders, commissions, ledger, matrix_nodes, users
-- determines: commissions.level, commissions.order_id, commissions.type, ledger.(row), ledger.level_depth, ledger.reference_id, ledger.type
-- proves: Every joining commission has both its record and its ledger credit.
-- do: Take the steps of `mlm-audit remedy show`: whether the wallet has the money already decides whether it is paid.
-- message: Order {order_id}, level {level}: {expected_paisa} for member {member_id} has {what}.
select
    f.upline_id as member_id,
    f.order_id,
    case when f.fault = 'not-posted' then -f.amount_paisa else 0 end as amount_paisa,
    f.amount_paisa as expected_paisa,
    f.level,
    case when f.fault = 'not-posted' then 'a record but no ledger credit' else 'a ledger credit but no record' end as what,
    case
        when f.fault <> 'not-posted' then 'commission-record-lost'
        when r.ledger_id is not null then 'other-ledger-type'
        when m.in_wallet = 'yes' then 'ledger-row-lost'
        when m.in_wallet = 'no' then 'commission-not-credited'
        else 'not-in-ledger'
    end as cause,
    [{'table': 'order', 'id': f.order_id, 'level': f.level, 'expected_paisa': f.amount_paisa, 'records': f.records,
        'credits': f.credits}] as evidence,
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
        'other_id': r.ledger_id,
        'other_type': r.type,
        'other_level': r.level_depth,
        'other_reference_id': r.reference_id,
        'other_ref': r.ref
    } as facts,
    f.order_id || '/' || f.level as key
from level_faults as f
left join line_rows as w on f.order_id = w.order_id and f.level = w.level
left join missing_credits as m
    on m.kind = 'sponsor_commission' and f.order_id = m.reference_id and f.level = m.level
left join (
    select
        break_id,
        max(ledger_id) as ledger_id,
        max(type) as type,
        max(level_depth) as level_depth,
        max(reference_id) as reference_id,
        max(ref) as ref
    from posted_otherwise
    group by break_id
) as r on r.break_id = 'commission-not-posted/' || f.order_id || '/' || f.level
where f.fault in ('not-posted', 'not-recorded')
