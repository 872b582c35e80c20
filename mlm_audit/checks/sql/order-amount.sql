-- code: order-amount
-- title: An order's total is missing, negative or below its commissionable amount
-- severity: high
-- needs: orders
-- requires: none
-- optional: none
-- determines: orders.commission_amount_paisa, orders.total_paisa
-- about: issue
-- slices: none
-- local: yes
-- causes: commission-above-total, commission-above-total-systematic
-- follows: order
-- explains: none
-- proves: No order sets aside more for commission than the buyer paid, and no total is missing or negative.
-- do: Compare the order with the payment; if many orders are affected, correct the platform's unit or rate before anything is paid.
-- message: {what}.
with wrong as (
    select
        o.id as order_id,
        o.user_id as member_id,
        o.total_paisa,
        o.commission_amount_paisa
    from orders as o
    where
        o.paid_at is not null
        and (o.commission_amount_paisa > o.total_paisa or o.total_paisa is null or o.total_paisa < 0)
)

select
    w.order_id,
    w.member_id,
    coalesce(w.commission_amount_paisa, 0) - coalesce(w.total_paisa, 0) as amount_paisa,
    'Order ' || w.order_id || ' has a commissionable amount above its total, or its total is missing or negative' as what,
    'commission-above-total' as cause,
    [{'table': 'order', 'id': w.order_id, 'total_paisa': w.total_paisa,
        'commission_amount_paisa': w.commission_amount_paisa}] as evidence,
    w.order_id || '' as key
from wrong as w
cross join order_totals as t
where t.above * 2 <= t.orders
union all
select
    null::BIGINT as order_id,
    null::BIGINT as member_id,
    t.above_paisa as amount_paisa,
    t.above || ' of ' || t.orders || ' paid orders set aside more for commission than their total, which is a fault of the whole platform' as what,
    'commission-above-total-systematic' as cause,
    [{'table': 'order', 'id': t.first_order_id, 'total_paisa': null::BIGINT, 'commission_amount_paisa': null::BIGINT}] as evidence,
    'platform' as key
from order_totals as t
where t.above * 2 > t.orders
