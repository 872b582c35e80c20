-- code: undecided-after-sweep
-- title: Commission left undecided by the sweep
-- severity: medium
-- needs: commissions, orders, monthly_stats
-- determines: commissions.status
-- proves: After a month was swept, none of its repurchase commission is still pending.
-- do: Run the sweep for that month again; it decides only what is undecided.
-- message: Commission {commission_id} of order {order_id} is still pending, though {month} was swept.
select
    c.user_id as member_id,
    c.order_id,
    c.amount_paisa,
    c.id as commission_id,
    o.month,
    'missed-by-sweep' as cause,
    [{'table': 'commissions', 'id': c.id}] as evidence,
    {
        'commission_id': c.id,
        'month': o.month,
        'level': c.level,
        'is_eligible': g.is_eligible,
        'month_rollup_id': g.rollup_id,
        'month_rollup_paisa': g.rollup_paisa,
        'month_rollup_count': g.rollup_count,
        'stats_paisa': s.rolled_up_paisa
    } as facts,
    c.id as key
from commissions as c
inner join paid_orders as o on c.order_id = o.order_id
inner join monthly_stats as s on o.month = s.year::BIGINT * 100 + s.month
left join month_facts as g on c.user_id = g.member_id and o.month = g.month
where c.type = 'repurchase' and c.status = 'pending' and o.stands
