-- The members who are eligible for a month, all in one query.
-- people:    every member with the present flags (flags have no history); a missing flag is false. is_stale: the flag or a
--            counter on the member is set, so the sweep must reset it even if the member is not active.
-- purchases: per buyer, from standing orders: purchase_paisa within the month, paid_orders before its end; and
--            first_paid_at of every order that was ever paid.
-- terms:     one row: ends_at of the month, and the plan's rules.
-- missing_*: the shortfall of a condition; 0 if it is met.
with active as (
    -- Active in that month: a user who is active and not blocked, and who joined before the month ended.
    select
        p.id as member_id,
        nullif(p.sponsor_id, p.id) as sponsor_id,
        coalesce(o.paid_orders, 0) as paid_orders
    from people as p
    left join purchases as o on p.id = o.member_id
    cross join terms as t
    where
        p.role = 'user' and coalesce(p.is_active, false) and not coalesce(p.is_blocked, false) and p.created_at < t.ends_at
        and (t.active_from = 'registration' or o.first_paid_at is null or o.first_paid_at < t.ends_at)
),

directs as (
    select sponsor_id as member_id, count(*) as active_directs
    from active
    where sponsor_id is not null
    group by sponsor_id
),

threes as (
    -- The directs who count for the 3-3 rule, as the plan defines it.
    select a.sponsor_id as member_id, count(*) as directs_that_count
    from active as a
    left join directs as d on a.member_id = d.member_id
    cross join terms as t
    where
        case when t.three_three = 'orders_of_directs' then a.paid_orders else coalesce(d.active_directs, 0) end
        >= t.three_three_count
    group by a.sponsor_id
),

facts as (
    select
        p.id as member_id,
        a.member_id is not null as is_active,
        coalesce(p.is_kyc_approved, false) as is_kyc_approved,
        p.role = 'user' and p.is_stale and p.created_at < t.ends_at as is_stale,
        coalesce(o.purchase_paisa, 0) as purchase_paisa,
        case when a.member_id is null then 1 else 0 end as missing_active,
        greatest(t.required_paisa - coalesce(o.purchase_paisa, 0), 0) as missing_purchase_paisa,
        case when coalesce(p.is_kyc_approved, false) then 0 else 1 end as missing_kyc,
        greatest(t.three_three_count - coalesce(x.directs_that_count, 0), 0) as missing_three_three
    from people as p
    left join active as a on p.id = a.member_id
    left join purchases as o on p.id = o.member_id
    left join threes as x on p.id = x.member_id
    cross join terms as t
)

select
    *,
    missing_active = 0 and missing_purchase_paisa = 0 and missing_kyc = 0 and missing_three_three = 0 as is_eligible
from facts
