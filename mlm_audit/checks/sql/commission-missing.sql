-- code: commission-missing
-- title: A level commission is missing
-- severity: high
-- needs: orders, commissions, ledger, matrix_nodes, users
-- proves: Every level of every paid order with an active upline has its commission.
-- do: Post the commission to the upline named, with the order as reference; where it went to the company instead, move it.
-- message: Order {order_id}, level {level}: {expected_paisa} for member {member_id} is missing.
select
    f.upline_id as member_id,
    f.order_id,
    -f.amount_paisa as amount_paisa,
    f.amount_paisa as expected_paisa,
    f.level,
    case
        when f.fault = 'rolled-up' then 'rolled-up-though-active'
        when misplaced.order_id is not null then 'wrong-level'
        else 'lost-commission'
    end as cause,
    [{'table': 'order', 'id': f.order_id, 'level': f.level, 'expected_paisa': f.amount_paisa}] as evidence,
    f.order_id || '/' || f.level as key
from level_faults as f
left join (
    select distinct order_id
    from level_faults
    where fault in ('unexpected', 'credited-twice', 'recorded-twice', 'rolled-up-too', 'inactive-upline', 'beneficiary')
) as misplaced on f.order_id = misplaced.order_id
where f.fault in ('missing', 'rolled-up')
