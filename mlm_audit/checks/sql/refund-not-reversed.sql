-- code: refund-not-reversed
-- title: A refunded order kept its postings
-- severity: high
-- needs: orders, commissions, ledger, payout_schedule
-- proves: What was posted for an order that no longer stands adds up to nothing.
-- do: Reverse what is left: commissions, the company's lines and instalments not yet paid.
-- message: Order {order_id} no longer stands, {amount_paisa} of its commission is still posted.
with scheduled as (
    select order_id, sum(amount_paisa)::BIGINT as scheduled_paisa
    from payout_schedule
    where status in ('pending', 'paid')
    group by order_id
),

left_over as (
    select
        s.member_id,
        s.order_id,
        s.posted_paisa + coalesce(i.scheduled_paisa, 0) as amount_paisa
    from order_sums as s
    left join scheduled as i on s.order_id = i.order_id
    where not s.stands
)

select
    *,
    'refund-commission-kept' as cause,
    [{'table': 'order', 'id': order_id, 'posted_paisa': amount_paisa}] as evidence,
    order_id as key
from left_over
where amount_paisa <> 0
