-- view
-- What is stored about a member's month: its roll-up record, the month's statistics, and the log's answer where it has just one.
select
    coalesce(g.user_id, r.user_id) as member_id,
    coalesce(g.month, r.month) as month,
    g.is_eligible,
    g.log_id,
    g.logged_paisa,
    r.rollup_id,
    r.rollup_paisa,
    r.rollup_count,
    s.stats_paisa
from (
    select member_id as user_id, month, any_eligible as is_eligible, last_id as log_id, rolled_up_paisa as logged_paisa
    from member_months
    where any_eligible = all_eligible
) as g
full outer join (
    select
        user_id,
        year::BIGINT * 100 + month as month,
        max(id) as rollup_id,
        max(amount_paisa) as rollup_paisa,
        max(commission_count) as rollup_count
    from commission_rollups
    group by user_id, year::BIGINT * 100 + month
) as r on g.user_id = r.user_id and g.month = r.month
left join (
    select
        year::BIGINT * 100 + month as month,
        max(rolled_up_paisa) as stats_paisa
    from monthly_stats
    group by year::BIGINT * 100 + month
) as s on coalesce(g.month, r.month) = s.month
