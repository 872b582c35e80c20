-- code: conservation
-- title: An order does not add up
-- severity: high
-- needs: orders, commissions, ledger, payout_schedule, matrix_nodes, users
-- requires: ledger.reference_id
-- optional: none
-- determines: commissions.(row), commissions.amount_paisa, commissions.order_id, commissions.type, ledger.(row), ledger.amount_paisa, ledger.reference_id, ledger.type, orders.(row), orders.commission_amount_paisa, orders.status, payout_schedule.(row), payout_schedule.amount_paisa, payout_schedule.order_id
-- about: order
-- slices: order
-- local: yes
-- causes: follows-from-order-line, order-not-distributed, order-taken-back, unexplained
-- follows: order
-- explains: none
-- proves: For every paid order, company + levels + roll-ups + instalments + remainder is the commissionable amount, to the paisa.
-- do: Resolve this order's other findings first: they name the line that is wrong.
-- message: Order {order_id}: {posted_paisa} was distributed out of a commissionable amount of {commission_paisa}.
with scheduled as (
    select order_id, sum(amount_paisa)::BIGINT as scheduled_paisa
    from payout_schedule
    where order_id is not null
    group by order_id
),

due as (
    select
        s.order_id,
        s.member_id,
        s.commission_paisa,
        s.expected_paisa,
        s.posted_paisa + coalesce(i.scheduled_paisa, 0) as posted_paisa,
        s.first_at is null and i.order_id is null as is_untouched,
        s.first_at is not null and s.posted_paisa = 0 as is_even
    from order_sums as s
    left join scheduled as i on s.order_id = i.order_id
    where s.stands
),

uneven as (
    select * from due where posted_paisa <> expected_paisa
),

-- Orders of which a member holds a line, or of which the company's lines do not add up to zero.
kept as (
    select order_id from level_faults where fault not in ('missing', 'rollup-missing') or member_high is not null
    union
    select order_id from company_faults where posted_paisa <> 0
),

named as (
    select order_id from level_faults
    union
    select order_id from company_faults
    union
    select order_id from instalment_faults
)

select
    d.member_id,
    d.order_id,
    d.posted_paisa - d.expected_paisa as amount_paisa,
    d.posted_paisa,
    d.commission_paisa,
    case
        -- It is unknown whether such an order was ever paid: posting its lines could pay out an invented order.
        when d.is_untouched and d.posted_paisa = 0 then 'order-not-distributed'
        -- If each line of an order was reversed from its holder, it is unknown whether the order was refunded.
        when d.is_even and k.order_id is null then 'order-taken-back'
        when n.order_id is null then 'unexplained'
        else 'follows-from-order-line'
    end as cause,
    [{'table': 'order', 'id': d.order_id, 'posted_paisa': d.posted_paisa, 'expected_paisa': d.expected_paisa}] as evidence,
    {'month': o.month} as facts,
    d.order_id as key
from uneven as d
left join named as n on d.order_id = n.order_id
left join kept as k on d.order_id = k.order_id
left join (select order_id, month from paid_orders where order_id in (select order_id from uneven)) as o on d.order_id = o.order_id
