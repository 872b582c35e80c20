-- code: commission-not-posted
-- title: Commission records and ledger disagree
-- severity: high
-- needs: orders, commissions, ledger, matrix_nodes, users
-- requires: ledger.reference_id
-- optional: none
-- determines: commissions.level, commissions.order_id, commissions.type, ledger.(row), ledger.level_depth, ledger.reference_id, ledger.type
-- about: order
-- slices: order
-- local: yes
-- causes: commission-not-credited, commission-record-lost, ledger-row-lost, not-in-ledger, other-ledger-type, record-misnamed
-- follows: order, swept-line, row
-- explains: line
-- proves: Every joining commission has both its record and its ledger credit.
-- do: Follow the steps of `mlm-audit remedy show`. They pay the amount only if the wallet does not hold it yet.
-- message: Order {order_id}, level {level}: {expected_paisa} for member {member_id} has {what}.
select
    f.upline_id as member_id,
    f.order_id,
    case when f.fault = 'not-posted' then -f.amount_paisa else 0 end as amount_paisa,
    f.amount_paisa as expected_paisa,
    f.level,
    case when f.fault = 'not-posted' then 'a record but no ledger credit' else 'a ledger credit but no record' end as what,
    case
        when f.fault <> 'not-posted' and z.record_id is not null then 'record-misnamed'
        when f.fault <> 'not-posted' then 'commission-record-lost'
        when r.ledger_id is not null then 'other-ledger-type'
        when m.in_wallet = 'yes' then 'ledger-row-lost'
        when m.in_wallet = 'no' then 'commission-not-credited'
        else 'not-in-ledger'
    end as cause,
    [{'table': 'order', 'id': f.order_id, 'level': f.level, 'expected_paisa': f.amount_paisa, 'records': f.records,
        'credits': f.credits}] as evidence,
    {
        'order_line': w.line,
        'in_wallet': m.in_wallet,
        'other_id': r.ledger_id,
        'other_type': r.type,
        'other_level': r.level_depth,
        'other_reference_id': r.reference_id,
        'other_ref': r.ref,
        'is_same_row': coalesce(r.is_same, false),
        'stray_id': z.record_id,
        'stray_order_id': z.record_order_id,
        'stray_level': z.record_level,
        'stray_type': z.record_type
    } as facts,
    f.order_id || '/' || f.level as key
from level_faults as f
left join line_rows as w on f.order_id = w.order_id and f.level is not distinct from w.level
left join stray_records as z on f.order_id = z.order_id and f.level = z.level and f.fault = 'not-recorded'
left join missing_credits as m
    on m.kind = 'sponsor_commission' and f.order_id = m.reference_id and f.level = m.level
left join rows_by_key as r on r.break_id = 'commission-not-posted/' || f.order_id || '/' || f.level
where f.fault in ('not-posted', 'not-recorded')
