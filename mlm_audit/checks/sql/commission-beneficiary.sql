-- code: commission-beneficiary
-- title: A commission went to the wrong member
-- severity: critical
-- needs: orders, commissions, ledger, matrix_nodes, users
-- requires: ledger.reference_id
-- optional: none
-- determines: commissions.user_id, ledger.user_id, matrix_nodes.parent_id, orders.user_id
-- about: order
-- slices: order
-- local: yes
-- causes: wrong-beneficiary
-- follows: order, swept-line, row
-- explains: line, month, owner
-- proves: Each level's commission goes to the matrix ancestor at that level.
-- do: Move the commission from the member who has it to the upline at this level.
-- message: Order {order_id}, level {level}: {expected_paisa} is due to member {member_id} but was posted to {paid_to}.
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
        'order_line': w.line,
        'is_row_only': coalesce(
            bo.difference_paisa = w.line.credit_row_paisa
            and (w.line.credit_user_id not in (select id from users) or bh.difference_paisa = -w.line.credit_row_paisa), false
        )
    } as facts,
    f.order_id || '/' || f.level as key
from level_faults as f
left join line_rows as w on f.order_id = w.order_id and f.level is not distinct from w.level
left join balances as bo on f.upline_id = bo.member_id
left join balances as bh on w.line.credit_user_id = bh.member_id
where f.fault = 'beneficiary'
