-- code: undecided-after-sweep
-- title: Commission left undecided by the sweep
-- severity: medium
-- needs: commissions, orders, monthly_stats
-- determines: commissions.status
-- proves: After a month was swept, none of its repurchase commission is still pending.
-- do: Run the sweep for that month again; it decides only what is undecided.
-- message: Commission {commission_id} of order {order_id} is still pending, though {month} was swept.
with missed as (
    select
        c.user_id, c.order_id, c.amount_paisa, c.id, c.level, o.month,
        c.created_at >= o.month_ends_at as is_postdated
    from (select * from commissions where type = 'repurchase' and status = 'pending') as c
    inner join paid_orders as o on c.order_id = o.order_id
    inner join monthly_stats as s on o.month = s.year::BIGINT * 100 + s.month
    where o.stands
)

select
    c.user_id as member_id,
    c.order_id,
    c.amount_paisa,
    c.id as commission_id,
    c.month,
    case when c.is_postdated then 'commission-postdated' else 'missed-by-sweep' end as cause,
    [{'table': 'commissions', 'id': c.id}] as evidence,
    {
        'commission_id': c.id,
        'month': c.month,
        'level': c.level,
        'is_eligible': g.is_eligible,
        'books': g.books,
        'totals': t.totals
    } as facts,
    c.id as key
from missed as c
left join (select * from month_facts where member_id in (select user_id from missed)) as g
    on c.user_id = g.member_id and c.month = g.month
left join month_sums as t on c.month = t.month
