-- code: orphan-order
-- title: Rows of an order that does not exist
-- severity: high
-- needs: orders, ledger, commissions
-- requires: ledger.reference_id
-- optional: none
-- determines: commissions.order_id, ledger.reference_id, ledger.type, orders.(row), orders.id, payout_schedule.order_id
-- about: issue
-- slices: none
-- local: yes
-- causes: unknown-order
-- follows: row
-- explains: none
-- proves: Every commission, order posting and instalment names an order that exists.
-- do: Find the deleted or mistyped order; restore it or reverse the rows.
-- message: {table_name} row {row_id} names order {order_text}, which does not exist.
with unknown as (
    select s.order_id from order_sums as s where s.stands is null and s.order_id not in (select id from orders)
    union
    select p.order_id from payout_schedule as p where p.order_id not in (select id from orders)
),

named as (
    select 'ledger' as table_name, user_id, id, reference_id as order_id, amount_paisa
    from ledger
    where
        type in ('sponsor_commission', 'company_share', 'rollup_to_company', 'remainder')
        and (reference_id is null or reference_id in (select order_id from unknown))
    union all
    select 'commissions' as table_name, user_id, id, order_id, amount_paisa
    from commissions
    where type in ('joining', 'repurchase') and (order_id is null or order_id in (select order_id from unknown))
    union all
    select 'SelfPayoutSchedule' as table_name, user_id, id, order_id, amount_paisa
    from payout_schedule
    where order_id in (select order_id from unknown)
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
    {
        'table': n.table_name,
        'row_id': n.id,
        'row_paisa': n.amount_paisa,
        'type': l.type,
        'reference_id': l.reference_id,
        'level': l.level_depth,
        'status': coalesce(c.status, s.status),
        'buyer_id': coalesce(c.from_user_id, s.user_id),
        'posted_month': m.month
    } as facts,
    n.table_name || '/' || n.id as key
from named as n
left join (select * from ledger where id in (select id from named where table_name = 'ledger')) as l
    on n.table_name = 'ledger' and n.id = l.id
left join (select * from commissions where id in (select id from named where table_name = 'commissions')) as c
    on n.table_name = 'commissions' and n.id = c.id
left join (select * from payout_schedule where id in (select id from named where table_name = 'SelfPayoutSchedule')) as s
    on n.table_name = 'SelfPayoutSchedule' and n.id = s.id
left join months as m on coalesce(c.created_at, s.created_at) >= m.starts_at and coalesce(c.created_at, s.created_at) < m.ends_at
-- A reversed row and its reversal no longer belong to anyone.
where
    n.table_name <> 'ledger'
    or (n.id not in (select of_id from taken_back) and n.id not in (select ledger_id from corrections))
