-- code: decision-against-log
-- title: Commission decided against the eligibility log
-- severity: high
-- needs: commissions, orders, eligibility_log
-- proves: Commission is released only to members logged as eligible for the month, and rolled up only from the others.
-- do: Recompute the member's eligibility for the month; then release or recover.
-- message: Month {month}: {amount_paisa} was {status}, but the log says {what}.
with logged as (
    select
        user_id,
        year::BIGINT * 100 + month as month,
        bool_or(is_eligible) as is_eligible
    from eligibility_log
    group by user_id, year::BIGINT * 100 + month
)

select
    c.user_id as member_id,
    sum(c.amount_paisa)::BIGINT as amount_paisa,
    o.month,
    c.status,
    case when l.is_eligible then 'eligible' else 'not eligible' end as what,
    case when l.is_eligible then 'rolled-up-though-eligible' else 'released-though-ineligible' end as cause,
    [{'table': 'commissions', 'id': min(c.id)}] as evidence,
    c.user_id || '/' || o.month || '/' || c.status as key
from commissions as c
inner join paid_orders as o on c.order_id = o.order_id
inner join logged as l on c.user_id = l.user_id and o.month = l.month
left join decided_early as e on c.id = e.commission_id
where
    c.type = 'repurchase'
    and e.commission_id is null
    and ((c.status = 'released' and not l.is_eligible) or (c.status = 'rolled_up' and l.is_eligible))
group by c.user_id, o.month, c.status, l.is_eligible
having sum(c.amount_paisa) <> 0
