-- Every line of every order in three small sums. signature adds up a hash of each expected level line and takes away that
-- of each actual one: zero means that both are the same lines, each as often, and nobody has to compare them one by one.
-- Kinds of line in the hash: 0 commission record, 1 ledger credit, 2 roll-up to the company.
with recorded as (
    select
        order_id,
        -sum((hash(0, level::INTEGER, user_id, amount_paisa) >> 24)::BIGINT) as signature,
        sum(case when type = 'repurchase' then amount_paisa else 0 end) as posted_paisa
    from commissions
    where type in ('joining', 'repurchase')
    group by order_id
),

posted as (
    select
        reference_id as order_id,
        -sum(case
            when type = 'sponsor_commission' then (hash(1, level_depth::INTEGER, user_id, amount_paisa) >> 24)::BIGINT
            when type = 'rollup_to_company' then (hash(2, level_depth::INTEGER, amount_paisa) >> 24)::BIGINT
            else 0
        end) as signature,
        sum(amount_paisa) as posted_paisa,
        sum(case when type = 'company_share' then 1 else 0 end) as company_rows,
        sum(case when type = 'company_share' then amount_paisa else 0 end) as company_paisa,
        sum(case when type = 'remainder' then 1 else 0 end) as remainder_rows,
        sum(case when type = 'remainder' then amount_paisa else 0 end) as remainder_paisa
    from ledger
    where type in ('sponsor_commission', 'rollup_to_company', 'company_share', 'remainder')
    group by reference_id
),

due as (
    select
        order_id,
        sum(case
            when activity = 'inactive' then (hash(2, level::INTEGER, amount_paisa) >> 24)::BIGINT
            when is_joining
                then (hash(0, level::INTEGER, upline_id, amount_paisa) >> 24)::BIGINT
                    + (hash(1, level::INTEGER, upline_id, amount_paisa) >> 24)::BIGINT
            else (hash(0, level::INTEGER, upline_id, amount_paisa) >> 24)::BIGINT
        end) as signature,
        sum(amount_paisa) as levels_paisa,
        max(case when activity = 'unknown' then 1 else 0 end) as unknown
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
    coalesce(a.signature, 0) + coalesce(d.signature, 0) <> 0 or coalesce(d.unknown, 0) = 1 as differs,
    coalesce(d.levels_paisa, 0)::BIGINT as levels_paisa,
    coalesce(a.posted_paisa, 0)::BIGINT as posted_paisa,
    coalesce(a.company_rows, 0)::BIGINT as company_rows,
    coalesce(a.company_paisa, 0)::BIGINT as company_paisa,
    coalesce(a.remainder_rows, 0)::BIGINT as remainder_rows,
    coalesce(a.remainder_paisa, 0)::BIGINT as remainder_paisa
from actual as a
full outer join due as d on a.order_id = d.order_id
where coalesce(d.order_id, a.order_id) is not null
