-- code: commission-not-posted
-- title: Commission records and ledger disagree
-- severity: high
-- needs: orders, commissions, ledger, matrix_nodes, users
-- proves: Every joining commission has both its record and its ledger credit.
-- do: Find which half was lost; post the ledger credit if the wallet has it, else pay the commission.
-- message: Order {order_id}, level {level}: {expected_paisa} for member {member_id} has {what}.
select
    upline_id as member_id,
    order_id,
    case when fault = 'not-posted' then -amount_paisa else 0 end as amount_paisa,
    amount_paisa as expected_paisa,
    level,
    case when fault = 'not-posted' then 'a record but no ledger credit' else 'a ledger credit but no record' end as what,
    case when fault = 'not-posted' then 'ledger-row-lost' else 'commission-record-lost' end as cause,
    [{'table': 'order', 'id': order_id, 'level': level, 'expected_paisa': amount_paisa, 'records': records,
        'credits': credits}] as evidence,
    order_id || '/' || level as key
from level_faults
where fault in ('not-posted', 'not-recorded')
