-- Every line of every order in a few sums. signature adds up, for each expected line, its amount times a hash of what else it is (of 30
-- bits, and never zero), and takes away that of each actual one: zero means that both come to the same for every line, and nobody has to
-- compare them one by one (differs is false). A row and its reversal come to nothing; a row of no amount adds its hash, so that it is seen.
-- Kinds of line: ledger credit 7919, roll-up to the company 7920, company share 7921, remainder 7922, commission record 7923. The hash of a
-- record also holds who generated it and whether it is a joining record.
-- An amount of 2^31 paisa or more would not fit: it counts with what is left of it after a division, and as one where it is expected. The
-- two never agree, so that its order is always compared line by line; of a refund only the same amount takes it back.
-- unknown_lines: levels whose upline nobody knows to have been active; either posting is lawful there.
with recorded as (
    select
        order_id,
        -sum(line * case
            when amount_paisa = 0 then 1
            when amount_paisa > 2147483647 then 2 + amount_paisa % 2147483645
            when amount_paisa < -2147483647 then amount_paisa % 2147483645 - 2
            else amount_paisa
        end) as signature,
        min(created_at) as first_at,
        sum(case when is_joining = 1 then 0 else amount_paisa end) as posted_paisa
    from (
        select
            order_id,
            amount_paisa,
            created_at,
            case when type = 'joining' then 1::BIGINT else 0::BIGINT end as is_joining,
            (hash(7923::BIGINT, coalesce(level, -1)::BIGINT, coalesce(user_id, -1), coalesce(from_user_id, -1),
                case when type = 'joining' then 1::BIGINT else 0::BIGINT end) >> 34)::BIGINT + 1 as line
        from commissions
        where type in ('joining', 'repurchase')
    ) as records
    group by order_id
),

posted as (
    select
        order_id,
        -sum(line * case
            when amount_paisa = 0 then 1
            when amount_paisa > 2147483647 then 2 + amount_paisa % 2147483645
            when amount_paisa < -2147483647 then amount_paisa % 2147483645 - 2
            else amount_paisa
        end) as signature,
        min(created_at) as first_at,
        sum(amount_paisa) as posted_paisa
    from (
        select
            reference_id as order_id,
            amount_paisa,
            created_at,
            (hash(
                case type
                    when 'sponsor_commission' then 7919::BIGINT
                    when 'rollup_to_company' then 7920::BIGINT
                    when 'company_share' then 7921::BIGINT
                    else 7922::BIGINT
                end,
                coalesce(level_depth, 0)::BIGINT, coalesce(user_id, 0)
            ) >> 34)::BIGINT + 1 as line
        from (
            select reference_id, type, user_id, level_depth, amount_paisa, created_at
            from ledger
            where type in ('sponsor_commission', 'rollup_to_company', 'company_share', 'remainder')
            union all
            select reference_id, type, user_id, level_depth, amount_paisa, created_at
            from corrections
            where own_type = 'adjustment' and type in ('sponsor_commission', 'rollup_to_company', 'company_share', 'remainder')
        ) as entries
    ) as lines
    group by order_id
),

due_levels as (
    select
        order_id,
        -- Unknown activity counts as active here; alternative turns those lines into roll-ups.
        sum(case
            when amount_paisa > 2147483647 then 1
            when activity = 'inactive' then rollup_line * amount_paisa
            else member_line * amount_paisa
        end) as signature,
        sum(amount_paisa) as levels_paisa
    from level_expected_all
    group by order_id
),

unknown_levels as (
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
    left join due_levels as d on o.order_id = d.order_id
    left join unknown_levels as u on o.order_id = u.order_id
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
        + case
            when d.share_paisa > 2147483647 then 1
            else ((hash(7921::BIGINT, 0::BIGINT, 0::BIGINT) >> 34)::BIGINT + 1) * coalesce(d.share_paisa, 0)
        end
        + case
            when d.remainder_paisa > 2147483647 then 1
            else ((hash(7922::BIGINT, 0::BIGINT, 0::BIGINT) >> 34)::BIGINT + 1) * coalesce(d.remainder_paisa, 0)
        end as signature
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
