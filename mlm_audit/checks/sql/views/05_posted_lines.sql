-- view
-- The lines of orders in the commission records and the ledger, with corrections under the line that they correct. line is a hash of
-- 29 bits, never zero, of everything about a line except its amount; posted_paisa counts towards the distributed amount of its order.
-- Kinds of line: ledger credit 7919, roll-up to the company 7920, company share 7921, remainder 7922, commission record 7923. The hash of a
-- record also covers the member who generated it and whether it is a joining record.
select
    null::BIGINT as ledger_id,
    order_id,
    amount_paisa,
    created_at,
    (hash(7923::BIGINT, coalesce(level, -1)::BIGINT, coalesce(user_id, -1), coalesce(from_user_id, -1),
        case when type = 'joining' then 1::BIGINT else 0::BIGINT end) >> 35)::BIGINT + 1 as line,
    case when type = 'joining' or r.is_credited_at_once then 0 else amount_paisa end as posted_paisa
from commissions
cross join rules as r
where type in ('joining', 'repurchase')
union all
select
    ledger_id,
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
    select id as ledger_id, reference_id, type, user_id, level_depth, amount_paisa, created_at
    from ledger
    where type in ('sponsor_commission', 'rollup_to_company', 'company_share', 'remainder')
    union all
    select ledger_id, reference_id, type, user_id, level_depth, amount_paisa, created_at
    from corrections
    where own_type = 'adjustment' and type in ('sponsor_commission', 'rollup_to_company', 'company_share', 'remainder')
) as entries
