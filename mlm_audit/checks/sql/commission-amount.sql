-- code: commission-amount
-- title: A commission has the wrong amount
-- severity: high
-- needs: orders, commissions, ledger, matrix_nodes, users
-- requires: ledger.reference_id
-- optional: none
-- determines: commissions.amount_paisa, ledger.amount_paisa, orders.commission_amount_paisa, orders.is_joining_order
-- about: order
-- slices: order
-- local: yes
-- causes: commission-record-edited, history-edited, rate-of-other-version, rounding, wrong-amount
-- follows: order, row
-- explains: line, month
-- proves: Each level's commission is the amount that the plan version in force at paidAt gives, to the paisa.
-- do: Follow the steps of `mlm-audit remedy show`; if many orders show the same cause, correct the platform's rate or rounding first.
-- message: Order {order_id}, level {level}: {posted_paisa} is posted instead of {expected_paisa}.
with faults as (
    select
        *,
        case when recorded_paisa <> amount_paisa and has_records then recorded_paisa else credited_paisa end as posted_paisa
    from level_faults
    where fault = 'amount'
),

other_rates as (
    select distinct f.order_id, f.level
    from faults as f
    inner join orders as o on f.order_id = o.id
    inner join plan_versions as v on f.version_no <> v.version_no
    inner join plan_levels as l on v.version_no = l.version_no and f.level = l.level
    where
        f.posted_paisa = share_of(
            case
                when f.is_joining
                    then share_of(o.commission_amount_paisa - share_of(o.commission_amount_paisa, v.company_bps), v.joining_pot_bps)
                else o.commission_amount_paisa - share_of(o.commission_amount_paisa, v.company_bps)
            end,
            case when f.is_joining then l.share_bps else l.repurchase_bps end
        )
)

select
    f.upline_id as member_id,
    f.order_id,
    f.posted_paisa - f.amount_paisa as amount_paisa,
    f.posted_paisa,
    f.amount_paisa as expected_paisa,
    f.level,
    case
        when f.is_credited and f.recorded_paisa = f.amount_paisa and m.in_wallet = 'yes' then 'history-edited'
        when f.is_credited and f.credited_paisa = f.amount_paisa then 'commission-record-edited'
        when v.order_id is not null then 'rate-of-other-version'
        when abs(f.posted_paisa - f.amount_paisa) = 1 then 'rounding'
        else 'wrong-amount'
    end as cause,
    [{'table': 'order', 'id': f.order_id, 'level': f.level, 'expected_paisa': f.amount_paisa,
        'recorded_paisa': f.recorded_paisa, 'credited_paisa': f.credited_paisa}] as evidence,
    {'order_line': w.line} as facts,
    f.order_id || '/' || f.level as key
from faults as f
left join line_rows as w on f.order_id = w.order_id and f.level is not distinct from w.level
left join missing_credits as m on m.kind = 'sponsor_commission' and f.order_id = m.reference_id and f.level = m.level
left join other_rates as v on f.order_id = v.order_id and f.level = v.level
