-- code: conservation
-- title: An order does not add up
-- severity: high
-- needs: orders, commissions, ledger
-- proves: For every paid order, company + levels + roll-ups + instalments + remainder is the commissionable amount, to the paisa.
-- do: Look at this order's other findings first; they name the line that is wrong.
-- message: Order {order_id}: {posted_paisa} was distributed of {commission_paisa}.
with scheduled as (
    select order_id, sum(amount_paisa)::BIGINT as scheduled_paisa
    from payout_schedule
    where order_id is not null
    group by order_id
),

due as (
    select
        o.order_id,
        o.member_id,
        o.commission_paisa,
        o.commission_paisa
        - case when v.posts_remainder then 0 else o.pot_paisa - coalesce(s.levels_paisa, 0) end as expected_paisa,
        coalesce(s.posted_paisa, 0) + coalesce(i.scheduled_paisa, 0) as posted_paisa
    from paid_orders as o
    inner join plan_versions as v on o.version_no = v.version_no
    left join order_sums as s on o.order_id = s.order_id
    left join scheduled as i on o.order_id = i.order_id
    where o.stands
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
    case when n.order_id is null then 'unexplained' else 'follows-from-order-line' end as cause,
    [{'table': 'order', 'id': d.order_id, 'posted_paisa': d.posted_paisa, 'expected_paisa': d.expected_paisa}] as evidence
from due as d
left join named as n on d.order_id = n.order_id
where d.posted_paisa <> d.expected_paisa
