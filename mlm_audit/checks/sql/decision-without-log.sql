-- code: decision-without-log
-- title: Commission decided without a log row
-- severity: high
-- needs: commissions, orders, eligibility_log
-- requires: repurchase_credited=by_sweep
-- optional: none
-- determines: commissions.status, commissions.user_id, eligibility_log.month, eligibility_log.user_id, eligibility_log.year
-- about: issue
-- slices: none
-- local: yes
-- causes: decided-without-log
-- follows: month
-- explains: none
-- proves: Every member whose commission of a month was released or rolled up has a row in the eligibility log of that month.
-- do: Recompute the member's eligibility for the month with `mlm-audit explain eligibility`; then complete the log or reverse the decision.
-- message: Month {month}: {decided_paisa} was {status_text}, but the eligibility log has no row for member {member_id}.
select
    c.member_id,
    case when c.status = 'released' then c.amount_paisa else 0 end as amount_paisa,
    c.amount_paisa as decided_paisa,
    c.month,
    replace(c.status, '_', ' ') as status_text,
    'decided-without-log' as cause,
    [{'table': 'commissions', 'id': c.first_commission_id}] as evidence,
    {'month': c.month, 'status': c.status, 'decided_paisa': c.amount_paisa} as facts,
    c.member_id || '/' || c.month || '/' || c.status as key
from month_commissions as c
left join member_months as l on c.member_id = l.member_id and c.month = l.month
where c.status in ('released', 'rolled_up') and c.amount_paisa <> 0 and c.early_rows = 0 and l.member_id is null
