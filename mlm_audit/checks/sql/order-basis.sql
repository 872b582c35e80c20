-- code: order-basis
-- title: An order's commissionable amount is not the one that was distributed
-- severity: high
-- needs: orders, commissions, ledger, payout_schedule, matrix_nodes, users
-- requires: ledger.reference_id
-- optional: none
-- determines: orders.commission_amount_paisa, orders.user_id
-- about: order
-- slices: order, payout
-- local: yes
-- causes: commission-amount-edited
-- follows: none
-- explains: order
-- proves: No order's lines all match a commissionable amount other than the order's own. Where they do, the order was edited after its lines were posted.
-- do: Find out who edited the order; restore its amount, and post nothing for its lines.
-- message: Order {order_id} has a commissionable amount of {commission_paisa}, but all of its lines match {basis_paisa}.
with scheduled as (
    select order_id, sum(amount_paisa)::BIGINT as scheduled_paisa
    from payout_schedule
    where order_id in (select order_id from order_sums where differs)
    group by order_id
),

candidates as (
    select
        s.order_id,
        s.member_id,
        s.commission_paisa,
        o.is_joining,
        o.is_credited,
        o.has_records,
        v.version_no,
        v.company_bps,
        v.joining_pot_bps,
        c.posted_paisa as company_paisa,
        s.posted_paisa + coalesce(i.scheduled_paisa, 0) as basis_paisa
    from order_sums as s
    inner join paid_orders as o on s.order_id = o.order_id
    inner join plan_versions as v on o.version_no = v.version_no
    inner join company_faults as c on s.order_id = c.order_id and c.line = 'company_share'
    left join scheduled as i on s.order_id = i.order_id
    where s.differs and s.stands and v.posts_remainder and c.posted = 1
),

shared as (
    select
        *,
        case
            when is_joining then share_of(basis_paisa - company_paisa, joining_pot_bps)
            else basis_paisa - company_paisa
        end as pot_paisa
    from candidates
    where basis_paisa <> commission_paisa and basis_paisa > 0 and company_paisa = share_of(basis_paisa, company_bps)
),

-- Lines that the other amount does not explain.
unexplained as (
    select f.order_id
    from level_faults as f
    inner join shared as s on f.order_id = s.order_id
    left join plan_levels as l on s.version_no = l.version_no and f.level = l.level
    left join uplines as u on s.member_id = u.member_id and f.level = u.level
    where
        l.level is null
        or not coalesce(
            f.fault in ('amount', 'rollup-amount')
            -- If the amount was set to zero, no line is expected: existing lines must belong to the uplines or to the company.
            or (
                f.fault = 'unexpected' and s.commission_paisa = 0
                and (
                    f.records + f.credits = 0
                    or (f.rollups = 0 and f.rolled_up_paisa = 0 and f.member_low = u.upline_id and f.member_high = u.upline_id)
                )
                and (s.is_credited or f.credited_paisa = 0)
            ),
            false
        )
        or case
            when f.fault = 'rollup-amount' or (f.fault = 'unexpected' and f.records + f.credits = 0) then f.rolled_up_paisa
            when s.has_records then f.recorded_paisa
            else f.credited_paisa
        end <> share_of(s.pot_paisa, case when s.is_joining then l.share_bps else l.repurchase_bps end)
        or (f.fault in ('amount', 'unexpected') and s.is_credited and s.has_records and f.credited_paisa <> f.recorded_paisa)
)

select
    s.order_id,
    s.member_id,
    s.commission_paisa - s.basis_paisa as amount_paisa,
    s.commission_paisa,
    s.basis_paisa,
    'commission-amount-edited' as cause,
    [{'table': 'order', 'id': s.order_id, 'commission_paisa': s.commission_paisa, 'basis_paisa': s.basis_paisa}] as evidence,
    {'commission_paisa': s.commission_paisa, 'basis_paisa': s.basis_paisa} as facts,
    s.order_id as key
from shared as s
where s.order_id not in (select order_id from unexplained)
