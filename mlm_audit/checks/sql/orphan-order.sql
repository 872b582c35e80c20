-- code: orphan-order
-- title: Rows of an order that does not exist
-- severity: high
-- needs: orders, ledger, commissions
-- determines: commissions.order_id, ledger.reference_id, ledger.type, orders.(row), orders.id, payout_schedule.order_id
-- proves: Every commission, order posting and instalment names an order that exists.
-- do: Find the deleted or mistyped order; restore it or reverse the rows.
-- message: {what}
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
),

lines as (
    select
        n.user_id,
        n.order_id,
        n.amount_paisa,
        n.table_name,
        n.id,
        coalesce(l.type, c.type) as type,
        l.level_depth,
        coalesce(c.status, s.status) as status,
        coalesce(c.from_user_id, s.user_id) as buyer_id,
        coalesce(l.created_at, c.created_at, s.created_at) as created_at,
        -- Rows that name no order have nothing in common; those of one lost order are one finding.
        coalesce(n.order_id::VARCHAR, n.table_name || '/' || n.id) as place
    from named as n
    left join (select * from ledger where id in (select id from named where table_name = 'ledger')) as l
        on n.table_name = 'ledger' and n.id = l.id
    left join (select * from commissions where id in (select id from named where table_name = 'commissions')) as c
        on n.table_name = 'commissions' and n.id = c.id
    left join (select * from payout_schedule where id in (select id from named where table_name = 'SelfPayoutSchedule')) as s
        on n.table_name = 'SelfPayoutSchedule' and n.id = s.id
    -- A row that was reversed, and its reversal, are nobody's any more.
    where
        n.table_name <> 'ledger'
        or (n.id not in (select of_id from corrections) and n.id not in (select ledger_id from corrections))
),

places as (
    select
        place,
        count(*) as rows,
        min(table_name || '/' || id) as first_key,
        max(buyer_id) as buyer_id,
        min(created_at) as first_at,
        list_sort(list({
            'table': table_name,
            'id': id,
            'user_id': user_id,
            'kind': type,
            'level': level_depth,
            'reference_id': order_id,
            'amount_paisa': amount_paisa,
            'status': status
        })) as lines
    from lines
    group by place
)

select
    l.user_id as member_id,
    l.order_id,
    l.amount_paisa,
    case
        when l.order_id is null then l.table_name || ' row ' || l.id || ' names no order.'
        when p.rows = 1 then l.table_name || ' row ' || l.id || ' names order ' || l.order_id || ', which does not exist.'
        else l.table_name || ' row ' || l.id || ' is one of ' || p.rows || ' rows that name order ' || l.order_id || ', which does not exist.'
    end as what,
    'unknown-order' as cause,
    [{'table': l.table_name, 'id': l.id}] as evidence,
    {
        'first_key': p.first_key,
        'buyer_id': p.buyer_id,
        'posted_month': m.month,
        'lines': case when l.table_name || '/' || l.id = p.first_key then p.lines end
    } as facts,
    l.table_name || '/' || l.id as key
from lines as l
inner join places as p on l.place = p.place
left join months as m on p.first_at >= m.starts_at and p.first_at < m.ends_at
