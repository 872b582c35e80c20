-- The members as the eligibility rule needs them, for one month (`sim_month`). Activity and KYC approval are as the sweep of that
-- month logged them; members who are not in its log count by their present flags.
with logged as (
    select
        d.user_id,
        d.kyc_approved,
        coalesce(d.reasons like '%"active"%', false) as was_inactive
    from decisions as d
    inner join sim_month as m on d.month = m.month and d.year = m.year
    qualify row_number() over (partition by d.user_id order by d.id) = 1
)

select
    p.id,
    p.sponsor_id,
    p.role,
    case when l.user_id is null then p.is_active else not l.was_inactive end as is_active,
    case when l.user_id is null then p.is_blocked else false end as is_blocked,
    coalesce(l.kyc_approved, p.is_kyc_approved) as is_kyc_approved,
    p.created_at,
    false as is_stale
from people as p
left join logged as l on p.id = l.user_id
