-- code: commission-missing
-- title: A level commission is missing
-- severity: high
-- needs: orders, commissions, ledger, matrix_nodes, users
-- requires: ledger.reference_id
-- optional: none
-- determines: commissions.(row), commissions.level, commissions.order_id, commissions.type, matrix_nodes.(row), orders.(row)
-- about: order
-- slices: order
-- local: yes
-- causes: lost-commission, record-misnamed, rolled-up-though-active, wrong-level
-- follows: order, swept-line, row
-- explains: line, month
-- proves: Every level of every paid order with an active upline has its commission.
-- do: Follow the steps of `mlm-audit remedy show`; first find out whether the commission was posted elsewhere.
-- message: Order {order_id}, level {level}: {expected_paisa} for member {member_id} is missing.
select
    f.upline_id as member_id,
    f.order_id,
    -f.amount_paisa as amount_paisa,
    f.amount_paisa as expected_paisa,
    f.level,
    case
        when f.fault = 'rolled-up' then 'rolled-up-though-active'
        when z.record_id is not null and mc.id is null then 'record-misnamed'
        when mr.id is not null or mc.id is not null then 'wrong-level'
        else 'lost-commission'
    end as cause,
    [{'table': 'order', 'id': f.order_id, 'level': f.level, 'expected_paisa': f.amount_paisa}] as evidence,
    {
        'order_line': w.line,
        'in_wallet': m.in_wallet,
        'misplaced_record_id': mr.id,
        'misplaced_record_level': mr.level,
        'misplaced_credit_id': mc.id,
        'misplaced_credit_level': mc.level_depth,
        'misplaced_paisa': mc.amount_paisa,
        'stray_id': z.record_id,
        'stray_order_id': z.record_order_id,
        'stray_level': z.record_level,
        'stray_type': z.record_type,
        'other_id': r.ledger_id,
        'other_type': r.type,
        'other_level': r.level_depth,
        'other_reference_id': r.reference_id,
        'other_ref': r.ref,
        'is_same_row': coalesce(r.is_same, false)
    } as facts,
    f.order_id || '/' || f.level as key
from level_faults as f
left join line_rows as w on f.order_id = w.order_id and f.level is not distinct from w.level
left join stray_records as z on f.order_id = z.order_id and f.level = z.level and f.fault = 'missing'
left join rows_by_key as r on r.break_id = 'commission-missing/' || f.order_id || '/' || f.level
left join missing_credits as m
    on m.kind = 'sponsor_commission' and f.order_id = m.reference_id and f.level = m.level
-- The same amount of the same order at another level of the same upline: the commission was posted there instead.
left join (
    select order_id, user_id, amount_paisa, max(id) as id, max_by(level, id) as level
    from commissions
    where type in ('joining', 'repurchase') and order_id in (select order_id from level_faults where fault = 'missing')
    group by order_id, user_id, amount_paisa
) as mr
    on
        f.order_id = mr.order_id and f.upline_id = mr.user_id and f.amount_paisa = mr.amount_paisa and f.level <> mr.level
        and f.fault = 'missing'
left join (
    select reference_id, user_id, amount_paisa, max(id) as id, max_by(level_depth, id) as level_depth
    from ledger
    where
        type = 'sponsor_commission' and reference_id in (select order_id from level_faults where fault = 'missing')
        and id not in (select of_id from corrections)
    group by reference_id, user_id, amount_paisa
) as mc
    on
        f.order_id = mc.reference_id and f.upline_id = mc.user_id and f.amount_paisa = mc.amount_paisa and f.level <> mc.level_depth
        and f.fault = 'missing'
where f.fault in ('missing', 'rolled-up')
