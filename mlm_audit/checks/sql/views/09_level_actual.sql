-- One row per order and level that anything was recorded for: commission records, ledger credits, roll-ups to the company.
-- Only of the orders whose lines are not proven to be the same.
with suspects as (
    select order_id from order_sums where differs
),

lines as (
    select
        order_id, level, coalesce(user_id, 0) as member_id, amount_paisa, 1 as records, 0 as credits, 0 as rollups,
        from_user_id, (type = 'joining')::BIGINT as is_joining_record
    from commissions
    where type in ('joining', 'repurchase') and order_id in (select order_id from suspects)
    union all
    select
        reference_id as order_id,
        level_depth as level,
        case when type = 'sponsor_commission' then coalesce(user_id, 0) end as member_id,
        amount_paisa,
        0 as records,
        case when type = 'sponsor_commission' then 1 else 0 end as credits,
        case when type = 'sponsor_commission' then 0 else 1 end as rollups,
        null::BIGINT as from_user_id,
        null::BIGINT as is_joining_record
    from ledger
    where type in ('sponsor_commission', 'rollup_to_company') and reference_id in (select order_id from suspects)
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
    max(member_id) as member_high,
    min(from_user_id) as from_low,
    max(from_user_id) as from_high,
    count(from_user_id) as from_named,
    min(is_joining_record) as joining_low,
    max(is_joining_record) as joining_high
from lines
group by order_id, level
