-- For every member who has bought: the number of business months from the first purchase until their income first covered all of their
-- purchases so far (0: in the same month); null if it had not by the end of `flow_months`.
with moves as (
    select
        l.user_id as member_id,
        m.month_no,
        l.amount_paisa::HUGEINT as change_paisa,
        0 as purchases
    from ledger as l
    inner join flow_months as m on l.created_at >= m.starts_at and l.created_at < m.ends_at
    where
        l.type in ('sponsor_commission', 'repurchase_commission', 'self_payout', 'bonus')
        and l.user_id in (select id from people where role = 'user')
    union all
    select
        o.user_id as member_id,
        m.month_no,
        -f.total_paisa::HUGEINT as change_paisa,
        1 as purchases
    from orders as o
    inner join order_facts as f on o.id = f.id
    inner join flow_months as m on o.paid_at >= m.starts_at and o.paid_at < m.ends_at
    where
        o.status not in (select status from order_states where not stands)
        and o.user_id in (select id from people where role = 'user')
),

monthly as (
    select
        member_id,
        month_no,
        sum(change_paisa) as change_paisa,
        sum(purchases)::BIGINT as purchases
    from moves
    group by member_id, month_no
),

running as (
    select
        member_id,
        month_no,
        purchases,
        sum(change_paisa) over (partition by member_id order by month_no) as balance_paisa,
        min(case when purchases > 0 then month_no end) over (partition by member_id) as first_month
    from monthly
)

select
    member_id,
    min(case when balance_paisa >= 0 and month_no >= first_month then month_no - first_month end)::BIGINT as months
from running
where first_month is not null
group by member_id
order by member_id
