-- The lines of the orders that no longer stand, one by one: their commission records and the reversals of these, and their ledger rows
-- if the order's signature does not prove that every line adds up to zero.
-- kind is the type of the row or, for a correction, of the corrected row; is_correction marks an adjustment that corrects a row.
select
    'commissions' as table_name,
    id,
    order_id,
    user_id,
    type as kind,
    level::BIGINT as level,
    order_id as reference_id,
    amount_paisa,
    status,
    from_user_id,
    false as is_correction
from commissions
where type in ('joining', 'repurchase') and order_id in (select order_id from order_sums where not stands)
union all
select
    'ledger' as table_name,
    id,
    reference_id as order_id,
    user_id,
    type as kind,
    level_depth::BIGINT as level,
    reference_id,
    amount_paisa,
    null::VARCHAR as status,
    null::BIGINT as from_user_id,
    false as is_correction
from ledger
where
    type in ('sponsor_commission', 'rollup_to_company', 'company_share', 'remainder')
    and reference_id in (select order_id from order_sums where not stands and (differs or posted_paisa <> 0))
union all
select
    'ledger' as table_name,
    ledger_id as id,
    reference_id as order_id,
    user_id,
    type as kind,
    level_depth::BIGINT as level,
    reference_id,
    amount_paisa,
    null::VARCHAR as status,
    null::BIGINT as from_user_id,
    true as is_correction
from corrections
where
    own_type = 'adjustment'
    and type in ('sponsor_commission', 'rollup_to_company', 'company_share', 'remainder')
    and reference_id in (select order_id from order_sums where not stands and (differs or posted_paisa <> 0))
