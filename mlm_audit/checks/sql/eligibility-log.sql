-- code: eligibility-log
-- title: The eligibility log contradicts the facts
-- severity: high
-- needs: eligibility_log, orders, users, payout_schedule
-- requires: none
-- optional: none
-- determines: eligibility_log.(row), eligibility_log.is_eligible, eligibility_log.kyc_approved, eligibility_log.month, eligibility_log.monthly_purchase_paisa, eligibility_log.required_purchase_paisa, eligibility_log.three_three_met, eligibility_log.user_id, eligibility_log.year, orders.(row), orders.paid_at, orders.total_paisa, orders.user_id, users.sponsor_id
-- about: issue
-- slices: none
-- local: yes
-- causes: eligibility-contradictory, eligibility-kyc, eligibility-month-unknown, eligibility-purchases, eligibility-requirement, eligibility-three-three, eligibility-twice, eligibility-verdict
-- follows: lost-member
-- explains: none
-- proves: Every member and month has one log row; its purchases match the orders, its requirement matches the plan, its 3-3 result is possible, and its verdict follows from its own conditions.
-- do: Recompute the member's eligibility with `mlm-audit explain eligibility MEMBER --month MONTH`; a person must decide which result is right before money moves.
-- message: Member {member_id}, month {month}: {what}.
with people as (
    -- Members who may have counted as active when the month ended. Flags have no history: a member who is inactive today may
    -- have been active then, and for an active member without an order the start of the activity is unknown.
    select
        u.id as member_id,
        nullif(u.sponsor_id, u.id) as sponsor_id,
        coalesce(u.is_active, false) and not coalesce(u.is_blocked, false)
        and (r.active_from = 'registration' or f.first_paid_at is not null) as is_certain,
        case when r.active_from = 'registration' then u.created_at else coalesce(f.first_paid_at, u.created_at) end as active_from
    from users as u
    left join first_paid as f on u.id = f.member_id
    cross join rules as r
    where
        u.role = 'user'
        and (
            r.active_from = 'registration' or f.first_paid_at is not null
            or (coalesce(u.is_active, false) and not coalesce(u.is_blocked, false))
        )
),

asked as (
    select distinct month from member_months
),

active as (
    select p.member_id, p.sponsor_id, p.is_certain, m.month
    from people as p
    inner join months as m on p.active_from < m.ends_at
    inner join asked as a on m.month = a.month
    where p.sponsor_id is not null
),

-- Members with enough directs, or enough orders of their own, in a month. `most` counts the possible, `least` the certain ones.
counted as (
    select
        sponsor_id as member_id,
        month,
        count(*) as most,
        sum(case when is_certain then 1 else 0 end)::BIGINT as least
    from active
    where (select three_three from rules) <> 'orders_of_directs'
    group by sponsor_id, month
    union all
    select
        p.member_id,
        a.month,
        sum(p.orders)::BIGINT as most,
        sum(p.standing_orders)::BIGINT as least
    from month_purchases as p
    inner join asked as a on p.month <= a.month
    where (select three_three from rules) = 'orders_of_directs'
    group by p.member_id, a.month
),

enough as (
    select c.member_id, c.month, c.least >= r.three_three_count as is_certain
    from counted as c
    cross join rules as r
    where c.most >= r.three_three_count
),

threes as (
    select
        c.sponsor_id as member_id,
        c.month,
        count(*) as most,
        sum(case when c.is_certain and e.is_certain then 1 else 0 end)::BIGINT as least
    from active as c
    inner join enough as e on c.member_id = e.member_id and c.month = e.month
    group by c.sponsor_id, c.month
),

-- Members whose instalments are still held only because of their KYC, and the time since which they are held: a hold begins when the
-- payouts run, which may be long after the instalment fell due.
held as (
    select s.user_id, min(coalesce(s.processed_at, s.payout_date)) as since
    from payout_schedule as s
    inner join (select id from users where is_active and not is_blocked and not is_kyc_approved) as u on s.user_id = u.id
    where s.status = 'failed' and s.retry_count = 0
    group by s.user_id
),

judged as (
    select
        l.*,
        coalesce(p.standing_paisa, 0) as least_paisa,
        coalesce(p.all_paisa, 0) as most_paisa,
        r.monthly_purchase_required_paisa as plan_paisa,
        case
            when l.rows > 1 and l.any_eligible <> l.all_eligible then 'eligibility-contradictory'
            when l.rows > 1 then 'eligibility-twice'
            when m.month is null then 'eligibility-month-unknown'
            when l.purchase_paisa < coalesce(p.standing_paisa, 0) or l.most_purchase_paisa > coalesce(p.all_paisa, 0)
                then 'eligibility-purchases'
            when l.required_paisa <> r.monthly_purchase_required_paisa then 'eligibility-requirement'
            when l.kyc_approved and h.since < m.ends_at then 'eligibility-kyc'
            when
                l.any_eligible
                and not (l.purchase_paisa >= l.required_paisa and l.kyc_approved and l.three_three_met)
                then 'eligibility-verdict'
            when
                not l.three_three_unknown and not l.three_three_met and coalesce(t.least, 0) >= r.three_three_count
                then 'eligibility-three-three'
            when not l.three_three_unknown and l.three_three_met and coalesce(t.most, 0) < r.three_three_count
                then 'eligibility-three-three'
            when
                not l.any_eligible and not l.three_three_unknown and u.is_certain
                and l.purchase_paisa >= l.required_paisa and l.kyc_approved and l.three_three_met
                then 'eligibility-verdict'
        end as cause
    from member_months as l
    cross join rules as r
    left join months as m on l.month = m.month
    left join month_purchases as p on l.member_id = p.member_id and l.month = p.month
    left join threes as t on l.member_id = t.member_id and l.month = t.month
    left join people as u on l.member_id = u.member_id
    left join held as h on l.member_id = h.user_id
)

select
    member_id,
    0::BIGINT as amount_paisa,
    month,
    case cause
        when 'eligibility-contradictory' then rows || ' log rows contradict each other'
        when 'eligibility-twice' then 'the log has ' || rows || ' rows instead of one'
        when 'eligibility-month-unknown' then 'the log names a month without orders'
        when 'eligibility-purchases' then 'the purchases in the log differ from the orders of that month'
        when 'eligibility-requirement' then 'the purchase requirement in the log differs from the plan'
        when 'eligibility-kyc' then 'the log says that KYC was approved, but the member''s instalments are still held for missing KYC'
        when 'eligibility-three-three' then 'the result of the 3-3 rule in the log differs from the sponsors and orders'
        else 'the verdict does not follow from the conditions that the log states'
    end as what,
    cause,
    [{'table': 'EligibilityLog', 'id': id, 'purchase_paisa': purchase_paisa, 'least_paisa': least_paisa, 'most_paisa': most_paisa},
        {'table': 'EligibilityLog', 'id': case when rows > 1 then last_id end, 'purchase_paisa': null::BIGINT,
            'least_paisa': null::BIGINT, 'most_paisa': null::BIGINT}] as evidence,
    {
        'log_id': id,
        'last_id': last_id,
        'rows': rows,
        'purchase_paisa': purchase_paisa,
        'most_purchase_paisa': most_purchase_paisa,
        'least_paisa': least_paisa,
        'most_paisa': most_paisa,
        'required_paisa': required_paisa,
        'plan_paisa': plan_paisa
    } as facts,
    member_id || '/' || month as key
from judged
where cause is not null
