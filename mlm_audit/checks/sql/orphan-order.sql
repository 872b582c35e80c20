-- code: orphan-order
-- title: Rows of an order that does not exist
-- severity: high
-- needs: orders, ledger, commissions
-- proves: Every commission, order posting and instalment names an order that exists.
-- do: Find the deleted or mistyped order; restore it or reverse the rows.
-- message: {table_name} row {row_id} names order {order_text}, which does not exist.
with named as (
    select 'ledger' as table_name, user_id, id, reference_id as order_id, amount_paisa
    from ledger
    where type in ('sponsor_commission', 'company_share', 'rollup_to_company', 'remainder')
    union all
    select 'commissions' as table_name, user_id, id, order_id, amount_paisa from commissions
    where type in ('joining', 'repurchase')
    union all
    select 'SelfPayoutSchedule' as table_name, user_id, id, order_id, amount_paisa from payout_schedule
    where order_id is not null
)

select
    n.user_id as member_id,
    n.order_id,
    n.amount_paisa,
    n.table_name,
    n.id as row_id,
    coalesce(n.order_id::VARCHAR, '(none)') as order_text,
    'unknown-order' as cause,
    [{'table': n.table_name, 'id': n.id}] as evidence,
    n.table_name || '/' || n.id as key
from named as n
left join orders as o on n.order_id = o.id
where o.id is null
