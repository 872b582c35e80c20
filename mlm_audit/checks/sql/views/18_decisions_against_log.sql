-- Decisions about a member's month that contradict the eligibility log. Log rows that contradict each other prove nothing; another
-- check reports them.
select c.*, l.any_eligible as is_eligible
from month_commissions as c
inner join member_months as l on c.member_id = l.member_id and c.month = l.month
where
    l.any_eligible = l.all_eligible
    and c.early_rows = 0
    and c.amount_paisa <> 0
    and ((c.status = 'released' and not l.any_eligible) or (c.status = 'rolled_up' and l.any_eligible))
