-- Every order's expected lines against its actual ones, in a few sums. signature is zero if both sides agree for every line; the lines
-- then need not be compared one by one (differs is false). order_postings defines the signature. The two sides are separate views,
-- because both together would not fit into the memory of a large run.
-- unknown_lines: levels whose upline's activity is unknown; either posting is valid there.
-- is_early: something was posted before the order was paid.
with unknown_levels as (
    select
        order_id,
        sum(case when amount_paisa > 2147483647 then 0 else (rollup_line - member_line) * amount_paisa end) as alternative,
        count(*) as unknown_lines,
        sum(amount_paisa) as unknown_paisa
    from level_unknown
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
        coalesce(u.alternative, 0) as alternative,
        coalesce(u.unknown_lines, 0) as unknown_lines,
        coalesce(u.unknown_paisa, 0) as unknown_paisa,
        o.paid_at
    from paid_orders as o
    left join order_levels as d on o.order_id = d.order_id
    left join unknown_levels as u on o.order_id = u.order_id
    inner join plan_versions as v on o.version_no = v.version_no
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
        + case
            when d.share_paisa > 2147483647 then 1
            else ((hash(7921::BIGINT, 0::BIGINT, 0::BIGINT) >> 35)::BIGINT + 1) * coalesce(d.share_paisa, 0)
        end
        + case
            when d.remainder_paisa > 2147483647 then 1
            else ((hash(7922::BIGINT, 0::BIGINT, 0::BIGINT) >> 35)::BIGINT + 1) * coalesce(d.remainder_paisa, 0)
        end as signature
    from due as d
    full outer join order_postings as a on d.order_id = a.order_id
)

select
    order_id,
    member_id,
    stands,
    commission_paisa,
    remainder_paisa,
    expected_paisa,
    posted_paisa,
    unknown_lines::SMALLINT as unknown_lines,
    unknown_paisa,
    first_at,
    coalesce(epoch_us(first_at) < epoch_us(paid_at) - 3600000000, false) as is_early,
    signature,
    signature <> 0 and signature + alternative <> 0 as differs
from compared
where order_id is not null
