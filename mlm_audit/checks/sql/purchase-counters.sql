-- code: purchase-counters
-- title: A purchase counter differs from the orders
-- severity: low
-- needs: users, orders, eligibility_log
-- requires: users.monthly_purchase, users.last_month_purchase
-- optional: none
-- determines: eligibility_log.month, eligibility_log.monthly_purchase_paisa, eligibility_log.year, orders.paid_at, orders.total_paisa, users.last_month_purchase_paisa, users.monthly_purchase_paisa
-- about: issue
-- slices: none
-- local: yes
-- causes: counter-wrong
-- follows: none
-- explains: none
-- proves: After a sweep, lastMonthPurchase equals that month's purchases in the log or in the orders, and monthlyPurchase equals the purchases since then.
-- do: Set the counters from the orders; no result of the audit depends on them, but the shop may show them.
-- message: Member {member_id}: {what} is {counter_paisa}, but the orders give {expected_paisa}.
with log_months as (
    -- A few rows that name a later month are a finding about these rows. As a sweep, they would make every counter wrong.
    select month, count(*) as members from member_months group by month
),

last_month as (
    select max(month) as month from log_months
    where members * 10 >= (select max(members) from log_months)
),

logged as (
    select l.member_id, l.month, l.most_purchase_paisa as purchase_paisa
    from member_months as l
    inner join last_month as m on l.month = m.month
),

since as (
    select
        p.member_id,
        sum(p.standing_paisa)::BIGINT as least_paisa,
        sum(p.all_paisa)::BIGINT as most_paisa
    from month_purchases as p
    inner join last_month as m on p.month > m.month
    group by p.member_id
),

bought as (
    select p.member_id, p.standing_paisa, p.all_paisa
    from month_purchases as p
    inner join last_month as m on p.month = m.month
),

-- For a member who is not in the log (blocked, inactive), the counter was set from the orders of that month.
compared as (
    select
        u.id as member_id,
        case
            when
                l.member_id is not null and u.last_month_purchase_paisa <> l.purchase_paisa
                then 'lastMonthPurchase'
            when
                l.member_id is null
                and u.last_month_purchase_paisa not between coalesce(b.standing_paisa, 0) and coalesce(b.all_paisa, 0)
                then 'lastMonthPurchase'
            when
                u.monthly_purchase_paisa not between coalesce(s.least_paisa, 0) and coalesce(s.most_paisa, 0)
                then 'monthlyPurchase'
        end as what,
        u.monthly_purchase_paisa not between coalesce(s.least_paisa, 0) and coalesce(s.most_paisa, 0) as is_since_wrong,
        u.last_month_purchase_paisa,
        u.monthly_purchase_paisa,
        coalesce(l.purchase_paisa, b.standing_paisa, 0) as purchase_paisa,
        coalesce(s.least_paisa, 0) as since_paisa
    from users as u
    inner join last_month as m on m.month is not null
    left join logged as l on u.id = l.member_id
    left join bought as b on u.id = b.member_id
    left join since as s on u.id = s.member_id
)

select
    member_id,
    case when what = 'lastMonthPurchase' then last_month_purchase_paisa - purchase_paisa else monthly_purchase_paisa - since_paisa end
        as amount_paisa,
    case when what = 'lastMonthPurchase' then last_month_purchase_paisa else monthly_purchase_paisa end as counter_paisa,
    case when what = 'lastMonthPurchase' then purchase_paisa else since_paisa end as expected_paisa,
    what,
    'counter-wrong' as cause,
    [{'table': 'users', 'id': member_id}] as evidence,
    {
        'column': what,
        'counter_paisa': case when what = 'lastMonthPurchase' then last_month_purchase_paisa else monthly_purchase_paisa end,
        'expected_paisa': case when what = 'lastMonthPurchase' then purchase_paisa else since_paisa end,
        -- If both counters are wrong: the actual and the expected value of the other one.
        'since_counter_paisa': case when what = 'lastMonthPurchase' and is_since_wrong then monthly_purchase_paisa end,
        'since_paisa': since_paisa
    } as facts,
    member_id as key
from compared
where what is not null
