-- The sums of the eligibility log and of CommissionRollup, per month.
with logged as (
    select
        month,
        sum(case when any_eligible then 1 else 0 end)::BIGINT as eligible_users,
        sum(case when not all_eligible then 1 else 0 end)::BIGINT as ineligible_users,
        sum(case when any_eligible <> all_eligible then 1 else 0 end)::BIGINT as contradictory
    from member_months
    group by month
),

rolled as (
    select
        year::BIGINT * 100 + month as month,
        sum(amount_paisa)::BIGINT as rolled_up_paisa
    from commission_rollups
    group by year::BIGINT * 100 + month
)

select
    coalesce(l.month, r.month) as month,
    coalesce(l.eligible_users, 0) as eligible_users,
    coalesce(l.ineligible_users, 0) as ineligible_users,
    coalesce(l.contradictory, 0) as contradictory,
    coalesce(r.rolled_up_paisa, 0) as rolled_up_paisa
from logged as l
full outer join rolled as r on l.month = r.month
