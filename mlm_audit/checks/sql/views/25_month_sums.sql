-- The amount rolled up in a month according to the statistics. A month without statistics was not swept.
select
    year::BIGINT * 100 + month as month,
    {'stats_paisa': max(rolled_up_paisa)} as totals
from monthly_stats
group by year::BIGINT * 100 + month
