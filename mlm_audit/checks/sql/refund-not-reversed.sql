-- code: refund-not-reversed
-- title: A refunded order kept its postings
-- severity: high
-- needs: orders, commissions, ledger
-- proves: What was posted for an order that no longer stands adds up to nothing.
-- do: Reverse what is left: commissions, the company's lines and instalments not yet paid.
-- message: Order {order_id} no longer stands, {amount_paisa} of its commission is still posted.
with lines as (
    select reference_id as order_id, amount_paisa
    from ledger
    where type in ('company_share', 'remainder', 'rollup_to_company', 'sponsor_commission')
    union all
    select order_id, amount_paisa
    from commissions
    where type = 'repurchase'
    union all
    select order_id, amount_paisa
    from payout_schedule
    where status in ('pending', 'paid')
)

select
    o.member_id,
    o.order_id,
    sum(l.amount_paisa)::BIGINT as amount_paisa,
    'refund-commission-kept' as cause,
    [{'table': 'order', 'id': o.order_id, 'posted_paisa': sum(l.amount_paisa)::BIGINT}] as evidence
from paid_orders as o
inner join lines as l on o.order_id = l.order_id
where not o.stands
group by o.member_id, o.order_id
having sum(l.amount_paisa) <> 0
