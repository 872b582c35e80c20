-- The standing orders of the requested months, and the split of their commissionable amount C by the plan in `sim_versions`:
-- the company's share, the pot of the levels, and self income (joining orders only). Each share is rounded down to the paisa.
with dated as (
    select
        o.id as order_id,
        o.user_id as member_id,
        coalesce(o.is_joining_order, false) as is_joining,
        o.paid_at,
        m.month,
        v.version_no,
        v.company_bps,
        v.joining_pot_bps,
        v.posts_remainder,
        v.levels,
        -- A wider type than for amounts, so that no intermediate product can overflow.
        o.commission_amount_paisa::HUGEINT as commission_paisa
    from orders as o
    inner join sim_versions as v on o.paid_at >= v.starts_at and (v.ends_at is null or o.paid_at < v.ends_at)
    inner join sim_months as m on o.paid_at >= m.starts_at and o.paid_at < m.ends_at
    where
        o.commission_amount_paisa >= 0
        and o.status not in (select status from order_states where not stands)
),

shared as (
    select
        *,
        commission_paisa - commission_paisa * company_bps // 10000 as rest_paisa
    from dated
),

potted as (
    select
        *,
        case when is_joining then rest_paisa * joining_pot_bps // 10000 else rest_paisa end as pot_paisa
    from shared
)

select
    order_id,
    member_id,
    is_joining,
    paid_at,
    month,
    version_no,
    levels,
    posts_remainder,
    commission_paisa::BIGINT as commission_paisa,
    (commission_paisa - rest_paisa)::BIGINT as company_paisa,
    pot_paisa::BIGINT as pot_paisa,
    (rest_paisa - pot_paisa)::BIGINT as self_paisa
from potted
