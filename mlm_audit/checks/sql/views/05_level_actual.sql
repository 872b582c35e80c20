-- One row per order and level that anything was recorded for: commission records, ledger credits, roll-ups to the company.
with lines as (
    select
        order_id, level, user_id as member_id, amount_paisa, 1 as records, 0 as credits, 0 as rollups
    from commissions
    where type in ('joining', 'repurchase')
    union all
    select
        reference_id as order_id, level_depth as level, user_id as member_id, amount_paisa,
        0 as records, 1 as credits, 0 as rollups
    from ledger
    where type = 'sponsor_commission'
    union all
    select
        reference_id as order_id, level_depth as level, null as member_id, amount_paisa,
        0 as records, 0 as credits, 1 as rollups
    from ledger
    where type = 'rollup_to_company'
)

select
    order_id,
    level,
    sum(records)::BIGINT as records,
    sum(credits)::BIGINT as credits,
    sum(rollups)::BIGINT as rollups,
    sum(amount_paisa * records)::BIGINT as recorded_paisa,
    sum(amount_paisa * credits)::BIGINT as credited_paisa,
    sum(amount_paisa * rollups)::BIGINT as rolled_up_paisa,
    min(member_id) as member_low,
    max(member_id) as member_high
from lines
group by order_id, level
