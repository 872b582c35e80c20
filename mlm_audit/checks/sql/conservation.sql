-- code: conservation
-- title: An order does not add up
-- severity: high
-- needs: orders, commissions, ledger
-- proves: For every paid order, company + levels + roll-ups + instalments + remainder is the commissionable amount, to the paisa.
-- do: Look at this order's other findings first; they name the line that is wrong.
-- message: Order {order_id}: {posted_paisa} was distributed of {commission_paisa}.
with lines as (
    select reference_id as order_id, amount_paisa
    from ledger
    where type in ('company_share', 'remainder', 'rollup_to_company', 'sponsor_commission')
    union all
    select order_id, amount_paisa
    from commissions
    where type = 'repurchase'
    union all
    select order_id, amount_paisa
    from payout_schedule
    where order_id is not null
),

totals as (
    select order_id, sum(amount_paisa)::BIGINT as posted_paisa
    from lines
    group by order_id
),

levels as (
    select order_id, sum(amount_paisa)::BIGINT as levels_paisa
    from level_expected
    group by order_id
),

due as (
    select
        o.order_id,
        o.member_id,
        o.commission_paisa,
        o.commission_paisa
        - case when v.posts_remainder then 0 else o.pot_paisa - coalesce(l.levels_paisa, 0) end as expected_paisa
    from paid_orders as o
    inner join plan_versions as v on o.version_no = v.version_no
    left join levels as l on o.order_id = l.order_id
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
    coalesce(t.posted_paisa, 0) - d.expected_paisa as amount_paisa,
    coalesce(t.posted_paisa, 0) as posted_paisa,
    d.commission_paisa,
    case when n.order_id is null then 'unexplained' else 'follows-from-order-line' end as cause,
    [{'table': 'order', 'id': d.order_id, 'posted_paisa': coalesce(t.posted_paisa, 0),
        'expected_paisa': d.expected_paisa}] as evidence
from due as d
left join totals as t on d.order_id = t.order_id
left join named as n on d.order_id = n.order_id
where coalesce(t.posted_paisa, 0) <> d.expected_paisa
