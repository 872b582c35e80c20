-- What the ledger and the commission records have for each order, in a few sums; the other side is order_levels, and order_sums compares.
-- signature takes away the amount of each line times a hash of what else it is (of 29 bits, and never zero). A row and its reversal come to
-- nothing; a row of no amount counts with its hash, so that it is seen.
-- Kinds of line: ledger credit 7919, roll-up to the company 7920, company share 7921, remainder 7922, commission record 7923. The hash of a
-- record also holds who generated it and whether it is a joining record.
-- An amount of 2^31 paisa or more would not fit: it counts with what is left of it after a division, and as one where it is expected. The
-- two never agree, so that its order is always compared line by line; of a refund only the same amount takes it back.
with lines as (
    select
        order_id,
        amount_paisa,
        created_at,
        (hash(7923::BIGINT, coalesce(level, -1)::BIGINT, coalesce(user_id, -1), coalesce(from_user_id, -1),
            case when type = 'joining' then 1::BIGINT else 0::BIGINT end) >> 35)::BIGINT + 1 as line,
        case when type = 'joining' then 0 else amount_paisa end as posted_paisa
    from commissions
    where type in ('joining', 'repurchase')
    union all
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
        ) >> 35)::BIGINT + 1 as line,
        amount_paisa as posted_paisa
    from (
        select reference_id, type, user_id, level_depth, amount_paisa, created_at
        from ledger
        where type in ('sponsor_commission', 'rollup_to_company', 'company_share', 'remainder')
        union all
        select reference_id, type, user_id, level_depth, amount_paisa, created_at
        from corrections
        where own_type = 'adjustment' and type in ('sponsor_commission', 'rollup_to_company', 'company_share', 'remainder')
    ) as entries
)

select
    order_id,
    -sum(line * case
        when amount_paisa = 0 then 1
        when amount_paisa > 2147483647 then 2 + amount_paisa % 2147483645
        when amount_paisa < -2147483647 then amount_paisa % 2147483645 - 2
        else amount_paisa
    end) as signature,
    min(created_at) as first_at,
    sum(posted_paisa)::BIGINT as posted_paisa
from lines
where order_id is not null
group by order_id
