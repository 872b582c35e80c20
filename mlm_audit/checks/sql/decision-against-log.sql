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
    -- Rows that contradict each other prove nothing; they are a finding of their own.
    having bool_or(is_eligible) = bool_and(is_eligible)
)

select
    c.member_id,
    c.amount_paisa,
    c.month,
    c.status,
    case when l.is_eligible then 'eligible' else 'not eligible' end as what,
    case when l.is_eligible then 'rolled-up-though-eligible' else 'released-though-ineligible' end as cause,
    [{'table': 'commissions', 'id': c.first_commission_id}] as evidence,
    c.member_id || '/' || c.month || '/' || c.status as key
from month_commissions as c
inner join logged as l on c.member_id = l.user_id and c.month = l.month
where
    c.early_rows = 0
    and c.amount_paisa <> 0
    and ((c.status = 'released' and not l.is_eligible) or (c.status = 'rolled_up' and l.is_eligible))
