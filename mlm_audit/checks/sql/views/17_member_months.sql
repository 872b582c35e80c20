-- The eligibility log, with one row per member and month; several log rows of one month are combined.
select
    user_id as member_id,
    year::BIGINT * 100 + month as month,
    count(*) as rows,
    min(id) as id,
    max(id) as last_id,
    bool_or(is_eligible) as any_eligible,
    bool_and(is_eligible) as all_eligible,
    bool_and(coalesce(kyc_approved, false)) as kyc_approved,
    bool_and(coalesce(three_three_met, true)) as three_three_met,
    bool_or(three_three_met is null) as three_three_unknown,
    min(monthly_purchase_paisa) as purchase_paisa,
    max(monthly_purchase_paisa) as most_purchase_paisa,
    max(required_purchase_paisa) as required_paisa,
    max(rolled_up_paisa) as rolled_up_paisa
from eligibility_log
group by user_id, year::BIGINT * 100 + month
