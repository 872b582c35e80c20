-- code: decided-early
-- title: Commission decided before its month had ended
-- severity: high
-- needs: commissions, orders
-- requires: repurchase_credited=by_sweep
-- optional: none
-- determines: commissions.order_id, commissions.processed_at, orders.paid_at
-- about: issue
-- slices: none
-- local: yes
-- causes: month-slip
-- follows: order-date
-- explains: none
-- proves: The monthly sweep decides a commission only after the business month in which its order was paid.
-- do: Find out whether the sweep used a UTC clock or the wrong month; then check the member's eligibility for the right month.
-- message: Commission {commission_id} of order {order_id} (month {month}) was decided before the month had ended.
select
    e.member_id,
    e.order_id,
    e.amount_paisa,
    e.commission_id,
    e.month,
    'month-slip' as cause,
    [{'table': 'commissions', 'id': e.commission_id}] as evidence,
    {
        'commission_id': e.commission_id,
        'month': e.month,
        'processed_at': c.processed_at,
        'status': c.status,
        'level': c.level,
        'is_eligible': g.is_eligible,
        'books': g.books,
        'totals': t.totals
    } as facts,
    e.commission_id as key
from decided_early as e
inner join commissions as c on e.commission_id = c.id
left join month_facts as g on e.member_id = g.member_id and e.month = g.month
left join month_sums as t on e.month = t.month
