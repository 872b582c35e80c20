-- code: decision-against-log
-- title: Commission decided against the eligibility log
-- severity: high
-- needs: commissions, orders, eligibility_log
-- determines: commissions.status
-- proves: Commission is released only to members logged as eligible for the month, and rolled up only from the others.
-- do: Recompute the member's eligibility for the month; then release or recover.
-- message: Month {month}: {amount_paisa} was {status}, but the log says {what}.
with logged as (
    -- Rows that contradict each other prove nothing; they are a finding of their own.
    select member_id as user_id, month, any_eligible as is_eligible
    from member_months
    where any_eligible = all_eligible
),

wrong as (
    select c.*, l.is_eligible
    from month_commissions as c
    inner join logged as l on c.member_id = l.user_id and c.month = l.month
    where
        c.early_rows = 0
        and c.amount_paisa <> 0
        and ((c.status = 'released' and not l.is_eligible) or (c.status = 'rolled_up' and l.is_eligible))
)

select
    c.member_id,
    c.amount_paisa,
    c.month,
    c.status,
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
from wrong as c
left join (select * from month_facts where member_id in (select member_id from wrong)) as g
    on c.member_id = g.member_id and c.month = g.month
left join month_sums as t on c.month = t.month
left join (
    select c.user_id, o.month, c.status, list_sort(list(c.id)) as commissions
    from commissions as c
    inner join (select order_id, month from paid_orders where month in (select month from wrong)) as o on c.order_id = o.order_id
    where c.type = 'repurchase' and c.user_id in (select member_id from wrong)
    group by c.user_id, o.month, c.status
) as d on c.member_id = d.user_id and c.month = d.month and c.status = d.status
