-- code: undecided-after-sweep
-- title: Commission left undecided by the sweep
-- severity: medium
-- needs: commissions, orders, monthly_stats
-- requires: repurchase_credited=by_sweep
-- optional: none
-- determines: commissions.status
-- about: issue
-- slices: none
-- local: yes
-- causes: commission-postdated, missed-by-sweep
-- follows: order-date
-- explains: month
-- proves: After a month was swept, none of its repurchase commission is still pending.
-- do: Run the sweep for that month again; it decides only what is undecided.
-- message: Commission {commission_id} of order {order_id} is still pending, although month {month} was swept.
select
    c.member_id,
    c.order_id,
    c.amount_paisa,
    c.commission_id,
    c.month,
    case when c.is_postdated then 'commission-postdated' else 'missed-by-sweep' end as cause,
    [{'table': 'commissions', 'id': c.commission_id}] as evidence,
    {
        'commission_id': c.commission_id,
        'month': c.month,
        'level': c.level,
        'is_eligible': g.is_eligible,
        'books': g.books,
        'totals': t.totals
    } as facts,
    c.commission_id as key
from missed_commissions as c
left join month_facts as g
    on c.member_id = g.member_id and c.month = g.month
left join month_sums as t on c.month = t.month
