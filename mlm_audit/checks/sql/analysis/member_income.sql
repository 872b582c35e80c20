-- One row per member who had joined by the end of the period (`asked`), including those who earned nothing. Income is the total that
-- the ledger credited to them in the period: level commission, released repurchase commission, self payouts and bonuses, net of
-- reversals (negative rows). Purchases are their own paid orders of the period that stand.
with earned as (
    select
        l.user_id as member_id,
        sum(l.amount_paisa)::BIGINT as income_paisa
    from ledger as l
    cross join asked as a
    where
        l.type in ('sponsor_commission', 'repurchase_commission', 'self_payout', 'bonus')
        and l.user_id is not null and l.created_at >= a.starts_at and l.created_at < a.ends_at
    group by l.user_id
),

bought as (
    select
        o.user_id as member_id,
        sum(f.total_paisa)::BIGINT as purchases_paisa,
        count(distinct m.month)::BIGINT as months_with_orders
    from orders as o
    inner join order_facts as f on o.id = f.id
    inner join asked_months as m on o.paid_at >= m.starts_at and o.paid_at < m.ends_at
    where o.status not in (select status from order_states where not stands)
    group by o.user_id
)

select
    p.id as member_id,
    p.created_at,
    coalesce(e.income_paisa, 0) as income_paisa,
    coalesce(b.purchases_paisa, 0) as purchases_paisa,
    coalesce(b.months_with_orders, 0) as months_with_orders
from people as p
cross join asked as a
left join earned as e on p.id = e.member_id
left join bought as b on p.id = b.member_id
where p.role = 'user' and p.created_at < a.ends_at
order by p.id
