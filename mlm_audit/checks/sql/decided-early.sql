-- code: decided-early
-- title: Commission decided before its month had ended
-- severity: high
-- needs: commissions, orders
-- proves: The monthly sweep decides a commission only after the business month in which its order was paid.
-- do: The sweep used a UTC clock or the wrong month: check the member's eligibility for the right month.
-- message: Commission {commission_id} of order {order_id} (month {month}) was decided before the month had ended.
select
    member_id,
    order_id,
    amount_paisa,
    commission_id,
    month,
    'month-slip' as cause,
    [{'table': 'commissions', 'id': commission_id}] as evidence,
    commission_id as key
from decided_early
