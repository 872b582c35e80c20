-- Every line of every order in a few sums. signature adds up, for each expected line, its amount times a hash of what else it is,
-- and takes away that of each actual one: zero means that both come to the same for every line, and nobody has to compare them one
-- by one (differs is false). The constant keeps the hash of zeros from being zero. A row and its reversal come to nothing; a row of no amount adds its hash, so that it is seen.
-- Each kind of line has a weight of its own: commission record 1, roll-up to the company 3, company share 5, remainder 7,
-- ledger credit 1000003. A commission record's hash also holds who generated it and whether it is a joining record.
-- unknown_lines: levels whose upline nobody knows to have been active; either posting is lawful there.
with recorded as (
    select
        order_id,
        -sum(
            (hash(7919::BIGINT, level::BIGINT, user_id, from_user_id, (type = 'joining')::BIGINT) >> 32)::HUGEINT
            * case when amount_paisa = 0 then 1 else amount_paisa end
        ) as signature,
        min(created_at) as first_at,
        sum(case when type = 'repurchase' then amount_paisa else 0 end) as posted_paisa
    from commissions
    where type in ('joining', 'repurchase')
    group by order_id
),

posted as (
    select
        reference_id as order_id,
        -sum(
            case
                when type = 'sponsor_commission' then (hash(7919::BIGINT, level_depth::BIGINT, user_id) >> 32)::HUGEINT * 1000003
                else (hash(7919::BIGINT, coalesce(level_depth, 0)::BIGINT, coalesce(user_id, 0)) >> 32)::HUGEINT
                    * case type when 'rollup_to_company' then 3 when 'company_share' then 5 else 7 end
            end * case when amount_paisa = 0 then 1 else amount_paisa end
        ) as signature,
        min(created_at) as first_at,
        sum(amount_paisa) as posted_paisa
    from (
        select reference_id, type, user_id, level_depth, amount_paisa, created_at
        from ledger
        where type in ('sponsor_commission', 'rollup_to_company', 'company_share', 'remainder')
        union all
        select reference_id, type, user_id, level_depth, amount_paisa, created_at
        from corrections
        where own_type = 'adjustment' and type in ('sponsor_commission', 'rollup_to_company', 'company_share', 'remainder')
    ) as lines
    group by reference_id
),

due_levels as (
    select
        order_id,
        -- Unknown activity counts as active here; alternative turns those lines into roll-ups.
        sum(case when activity = 'inactive' then rollup_hash else member_hash end) as signature,
        sum(case when activity = 'unknown' then rollup_hash - member_hash else 0 end) as alternative,
        sum(case when activity = 'unknown' then 1 else 0 end) as unknown_lines,
        sum(case when activity = 'unknown' then amount_paisa else 0 end) as unknown_paisa,
        sum(amount_paisa) as levels_paisa
    from level_expected_all
    group by order_id
),

due as (
    select
        o.order_id,
        o.member_id,
        o.stands,
        o.commission_paisa,
        case when o.stands then o.company_paisa else 0 end as share_paisa,
        case when o.stands and v.posts_remainder then o.pot_paisa - coalesce(d.levels_paisa, 0) else 0 end as remainder_paisa,
        case when v.posts_remainder then 0 else o.pot_paisa - coalesce(d.levels_paisa, 0) end as unposted_paisa,
        coalesce(d.signature, 0) as signature,
        coalesce(d.alternative, 0) as alternative,
        coalesce(d.unknown_lines, 0) as unknown_lines,
        coalesce(d.unknown_paisa, 0) as unknown_paisa,
        o.paid_at
    from paid_orders as o
    left join due_levels as d on o.order_id = d.order_id
    inner join plan_versions as v on o.version_no = v.version_no
),

actual as (
    select
        coalesce(r.order_id, p.order_id) as order_id,
        coalesce(r.signature, 0) + coalesce(p.signature, 0) as signature,
        coalesce(r.posted_paisa, 0) + coalesce(p.posted_paisa, 0) as posted_paisa,
        least(r.first_at, p.first_at) as first_at
    from posted as p
    full outer join recorded as r on p.order_id = r.order_id
),

compared as (
    select
        coalesce(d.order_id, a.order_id) as order_id,
        d.member_id,
        d.stands,
        d.commission_paisa,
        d.share_paisa,
        d.remainder_paisa,
        d.commission_paisa - d.unposted_paisa as expected_paisa,
        coalesce(a.posted_paisa, 0)::BIGINT as posted_paisa,
        coalesce(d.alternative, 0) as alternative,
        coalesce(d.unknown_lines, 0)::BIGINT as unknown_lines,
        coalesce(d.unknown_paisa, 0)::BIGINT as unknown_paisa,
        d.paid_at,
        a.first_at,
        coalesce(a.signature, 0) + coalesce(d.signature, 0)
        + (hash(7919::BIGINT, 0::BIGINT, 0::BIGINT) >> 32)::HUGEINT * (coalesce(d.share_paisa, 0) * 5::HUGEINT + coalesce(d.remainder_paisa, 0) * 7::HUGEINT)
            as signature
    from due as d
    full outer join actual as a on d.order_id = a.order_id
)

select
    order_id,
    member_id,
    stands,
    commission_paisa,
    share_paisa,
    remainder_paisa,
    expected_paisa,
    posted_paisa,
    alternative <> 0 as has_unknown,
    unknown_lines,
    unknown_paisa,
    paid_at,
    first_at,
    signature,
    signature <> 0 and signature + alternative <> 0 as differs
from compared
where order_id is not null
