-- code: decision-against-log
-- title: Commission decided against the eligibility log
-- severity: high
-- needs: commissions, orders, eligibility_log
-- requires: repurchase_credited=by_sweep
-- optional: none
-- determines: commissions.status
-- about: month
-- slices: none
-- local: yes
-- causes: released-though-ineligible, rolled-up-though-eligible
-- follows: month
-- explains: month
-- proves: Commission is released only to members logged as eligible for the month, and rolled up only from the others.
-- do: Recompute the member's eligibility for the month; then release or recover the commission.
-- message: Month {month}: {amount_paisa} was {status_text}, but the eligibility log records the member as {what}.
select
    c.member_id,
    c.amount_paisa,
    c.month,
    replace(c.status, '_', ' ') as status_text,
    case when c.is_eligible then 'eligible' else 'not eligible' end as what,
    case when c.is_eligible then 'rolled-up-though-eligible' else 'released-though-ineligible' end as cause,
    [{'table': 'commissions', 'id': c.first_commission_id}] as evidence,
    {
        'month': c.month,
        'status': c.status,
        'decided_paisa': c.amount_paisa,
        'decided_rows': c.rows,
        'commissions': d.commissions,
        'is_eligible': c.is_eligible,
        'books': g.books,
        'totals': t.totals
    } as facts,
    c.member_id || '/' || c.month || '/' || c.status as key
from decisions_against_log as c
left join month_facts as g on c.member_id = g.member_id and c.month = g.month
left join month_sums as t on c.month = t.month
left join (
    select c.user_id, o.month, c.status, list_sort(list(c.id)) as commissions
    from commissions as c
    inner join (select order_id, month from paid_orders where month in (select month from decisions_against_log)) as o on c.order_id = o.order_id
    where c.type = 'repurchase' and c.user_id in (select member_id from decisions_against_log)
    group by c.user_id, o.month, c.status
) as d on c.member_id = d.user_id and c.month = d.month and c.status = d.status
