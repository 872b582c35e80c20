-- The split of each month.
select
    month,
    count(*)::BIGINT as orders,
    sum(commission_paisa)::BIGINT as commission_paisa,
    sum(company_paisa)::BIGINT as company_paisa,
    sum(members_paisa)::BIGINT as members_paisa,
    sum(unposted_paisa)::BIGINT as unposted_paisa
from sim_split
group by month
order by month
