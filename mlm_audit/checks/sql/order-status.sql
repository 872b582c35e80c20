-- code: order-status
-- title: A paid order with a status that contradicts the payment
-- severity: high
-- needs: orders, commissions, ledger, matrix_nodes, users
-- requires: ledger.reference_id
-- optional: none
-- determines: orders.status
-- about: order
-- slices: order, payout
-- local: yes
-- causes: status-left-paid, status-unknown
-- follows: none
-- explains: order
-- proves: Every order with a time of payment has a status that shows whether it stands: paid, or refunded or cancelled.
-- do: Ask the shop whether the order was paid; then correct its status, or reverse what was posted for it.
-- message: Order {order_id} has a time of payment but the status {status}; {posted_paisa} is posted for it.
select
    o.order_id,
    o.member_id,
    s.posted_paisa as amount_paisa,
    s.posted_paisa,
    coalesce(t.status, '(none)') as status,
    case when t.status = 'pending' then 'status-left-paid' else 'status-unknown' end as cause,
    [{'table': 'order', 'id': o.order_id, 'status': t.status, 'posted_paisa': s.posted_paisa}] as evidence,
    {'status': coalesce(t.status, ''), 'posted_paisa': s.posted_paisa} as facts,
    o.order_id as key
from paid_orders as o
inner join (select id, status from orders where id in (select order_id from paid_orders where not is_known_status)) as t
    on o.order_id = t.id
inner join order_sums as s on o.order_id = s.order_id
where not o.is_known_status
