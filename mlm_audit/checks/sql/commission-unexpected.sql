-- code: commission-unexpected
-- title: A commission that the plan does not provide for
-- severity: high
-- needs: orders, commissions, ledger, matrix_nodes, users
-- requires: ledger.reference_id
-- optional: none
-- determines: commissions.level, commissions.order_id, ledger.level_depth, ledger.reference_id, ledger.type, orders.commission_amount_paisa, orders.paid_at, orders.user_id, users.is_active, users.is_blocked
-- about: order
-- slices: order
-- local: yes
-- causes: inactive-upline, no-such-level, order-not-paid, paid-and-rolled-up, posted-before-sweep, wrong-level
-- follows: order, swept-line, row
-- explains: line, month
-- proves: No commission is paid to an inactive upline, at a level without an upline, beyond the plan's levels, before the sweep, or for an order that was not paid.
-- do: Reverse the commission; if the upline was active when the order was paid, record the date from which the upline was active.
-- message: Order {order_id}, level {level}: {who} has {posted_paisa}, but the plan gives {due_paisa}.
select
    coalesce(f.member_low, f.upline_id) as member_id,
    f.order_id,
    greatest(f.recorded_paisa, f.credited_paisa, f.rolled_up_paisa)
    - case when f.fault = 'inactive-upline' then f.amount_paisa else 0 end as amount_paisa,
    greatest(f.recorded_paisa, f.credited_paisa, f.rolled_up_paisa) as posted_paisa,
    case when f.fault in ('unexpected', 'inactive-upline') then 0 else f.amount_paisa end as due_paisa,
    case
        when coalesce(f.member_low, f.upline_id, 0) = 0 then 'the company'
        else 'member ' || coalesce(f.member_low, f.upline_id)
    end as who,
    f.level,
    case
        when f.fault = 'inactive-upline' then 'inactive-upline'
        when f.fault = 'posted-early' then 'posted-before-sweep'
        when f.fault = 'rolled-up-too' then 'paid-and-rolled-up'
        when misplaced.order_id is not null then 'wrong-level'
        when f.order_stands is null then 'order-not-paid'
        else 'no-such-level'
    end as cause,
    [{'table': 'order', 'id': f.order_id, 'level': f.level, 'recorded_paisa': f.recorded_paisa,
        'credited_paisa': f.credited_paisa, 'rolled_up_paisa': f.rolled_up_paisa}] as evidence,
    {
        'order_line': w.line,
        'holder_id': case when f.member_low = 0 then null else f.member_low end,
        'first_posted_at': t.first_at,
        'order_status': o.status
    } as facts,
    f.order_id || '/' || f.level as key
from level_faults as f
left join line_rows as w on f.order_id = w.order_id and f.level is not distinct from w.level
left join orders as o on f.order_id = o.id
left join (select order_id, first_at from order_sums where order_id in (select order_id from level_faults)) as t
    on f.order_id = t.order_id
left join (select distinct order_id from level_faults where fault = 'missing') as misplaced
    on f.order_id = misplaced.order_id
where f.fault in ('unexpected', 'inactive-upline', 'posted-early', 'rolled-up-too')
