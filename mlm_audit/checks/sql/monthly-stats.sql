-- code: monthly-stats
-- title: The month's statistics contradict the log
-- severity: medium
-- needs: monthly_stats, eligibility_log, commission_rollups, commissions, orders, ledger
-- requires: ledger.reference_id
-- optional: none
-- determines: monthly_stats.(row), monthly_stats.eligible_users, monthly_stats.ineligible_users, monthly_stats.month, monthly_stats.month_year, monthly_stats.rolled_up_paisa, monthly_stats.year
-- about: issue
-- slices: none
-- local: yes
-- causes: monthly-stats-wrong
-- follows: none
-- explains: none
-- proves: MonthlyStats has one row for every decided month, with the member counts of the eligibility log and the sum of CommissionRollup.
-- do: Find out whether the row or the log was changed; `mlm-audit run monthly-sweep --month` writes the sums again.
-- message: Month {month}: {what}.
with stats as (
    select
        year::BIGINT * 100 + month as month,
        count(*) as rows,
        min(eligible_users)::BIGINT as eligible_users,
        min(ineligible_users)::BIGINT as ineligible_users,
        min(rolled_up_paisa) as rolled_up_paisa,
        min(month_year) as month_year,
        bool_and(substr(month_year, 1, 4)::BIGINT * 100 + substr(month_year, 6, 2)::BIGINT = year::BIGINT * 100 + month) as is_named
    from monthly_stats
    group by year::BIGINT * 100 + month
),

compared as (
    select
        coalesce(s.month, l.month) as month,
        s.rows,
        s.month_year,
        coalesce(s.is_named, false) as is_named,
        s.eligible_users as stated_eligible,
        s.ineligible_users as stated_ineligible,
        s.rolled_up_paisa as stated_paisa,
        l.eligible_users,
        l.ineligible_users,
        l.contradictory,
        l.rolled_up_paisa + coalesce(f.unrecorded_paisa, 0) as rolled_up_paisa,
        coalesce(s.rolled_up_paisa, 0) - coalesce(l.rolled_up_paisa, 0) as difference_paisa,
        case
            when s.month is null then 'there is no row, although the month was decided'
            when s.rows > 1 then 'there are ' || s.rows || ' rows instead of one'
            when not coalesce(s.is_named, false) then 'the row names a different month in monthYear'
            when l.month is null then 'nothing was decided in that month'
            -- If log rows contradict each other, another check reports that.
            when s.eligible_users <> l.eligible_users and l.contradictory = 0
                then 'the number of eligible members is ' || s.eligible_users || ', but the log has ' || l.eligible_users
            when s.ineligible_users <> l.ineligible_users and l.contradictory = 0
                then 'the number of ineligible members is ' || s.ineligible_users || ', but the log has ' || l.ineligible_users
            when s.rolled_up_paisa <> l.rolled_up_paisa + coalesce(f.unrecorded_paisa, 0) then 'the rolled-up amount is not the sum of CommissionRollup'
        end as what
    from stats as s
    full outer join log_months as l on s.month = l.month
    -- Another check reports a roll-up without a CommissionRollup row.
    left join (select month, sum(rolled_up_paisa - recorded_paisa)::BIGINT as unrecorded_paisa from sweep_faults group by month) as f
        on s.month = f.month
)

select
    null::BIGINT as member_id,
    difference_paisa as amount_paisa,
    month,
    what,
    'monthly-stats-wrong' as cause,
    [{'table': 'MonthlyStats', 'id': month}] as evidence,
    {
        'month': month,
        'rows': rows,
        'month_year': month_year,
        'is_named': is_named,
        'stated_eligible': stated_eligible,
        'stated_ineligible': stated_ineligible,
        'stated_paisa': stated_paisa,
        'eligible_users': eligible_users,
        'ineligible_users': ineligible_users,
        'contradictory': contradictory,
        'rolled_up_paisa': rolled_up_paisa
    } as facts,
    month as key
from compared
where what is not null
