-- Every line of every order in three small sums. signature adds up a hash of each expected level line and takes away that
-- of each actual one: zero means that both are the same lines, each as often, and nobody has to compare them one by one.
-- Each kind of line has a weight of its own: a commission record 1, a roll-up to the company 3, a ledger credit 1000003.
with recorded as (
    select
        order_id,
        -sum((hash(level::BIGINT, user_id, amount_paisa) >> 24)::BIGINT) as signature,
        sum(case when type = 'repurchase' then amount_paisa else 0 end) as posted_paisa
    from commissions
    where type in ('joining', 'repurchase')
    group by order_id
),

kinds as (
    select
        reference_id as order_id,
        case type when 'sponsor_commission' then 1 when 'rollup_to_company' then 2 when 'company_share' then 3 else 4 end as kind,
        level_depth::BIGINT as level,
        user_id,
        amount_paisa
    from ledger
    where type in ('sponsor_commission', 'rollup_to_company', 'company_share', 'remainder')
),

posted as (
    select
        order_id,
        -sum(case kind
            when 1 then (hash(level, user_id, amount_paisa) >> 24)::BIGINT * 1000003
            when 2 then (hash(level, 0::BIGINT, amount_paisa) >> 24)::BIGINT * 3
            else 0
        end) as signature,
        sum(amount_paisa) as posted_paisa,
        sum(case kind when 3 then 1 else 0 end) as company_rows,
        sum(case kind when 3 then amount_paisa else 0 end) as company_paisa,
        sum(case kind when 4 then 1 else 0 end) as remainder_rows,
        sum(case kind when 4 then amount_paisa else 0 end) as remainder_paisa
    from kinds
    group by order_id
),

due as (
    select
        order_id,
        -- Unknown activity counts as active here; alternative turns those lines into roll-ups.
        sum(
            (hash(level, case when activity = 'inactive' then 0 else upline_id end, amount_paisa) >> 24)::BIGINT
            * case when activity = 'inactive' then 3 when is_joining then 1000004 else 1 end
        ) as signature,
        sum(case
            when activity = 'unknown'
                then (hash(level, 0::BIGINT, amount_paisa) >> 24)::BIGINT * 3
                    - (hash(level, upline_id, amount_paisa) >> 24)::BIGINT * case when is_joining then 1000004 else 1 end
            else 0
        end) as alternative,
        sum(amount_paisa) as levels_paisa
    from level_expected_all
    group by order_id
),

actual as (
    select
        coalesce(r.order_id, p.order_id) as order_id,
        coalesce(r.signature, 0) + coalesce(p.signature, 0) as signature,
        coalesce(r.posted_paisa, 0) + coalesce(p.posted_paisa, 0) as posted_paisa,
        p.company_rows,
        p.company_paisa,
        p.remainder_rows,
        p.remainder_paisa
    from posted as p
    full outer join recorded as r on p.order_id = r.order_id
)

select
    coalesce(d.order_id, a.order_id) as order_id,
    coalesce(a.signature, 0) + coalesce(d.signature, 0) <> 0
    and coalesce(a.signature, 0) + coalesce(d.signature, 0) + coalesce(d.alternative, 0) <> 0 as differs,
    coalesce(d.levels_paisa, 0)::BIGINT as levels_paisa,
    coalesce(a.posted_paisa, 0)::BIGINT as posted_paisa,
    coalesce(a.company_rows, 0)::BIGINT as company_rows,
    coalesce(a.company_paisa, 0)::BIGINT as company_paisa,
    coalesce(a.remainder_rows, 0)::BIGINT as remainder_rows,
    coalesce(a.remainder_paisa, 0)::BIGINT as remainder_paisa
from actual as a
full outer join due as d on a.order_id = d.order_id
where coalesce(d.order_id, a.order_id) is not null
