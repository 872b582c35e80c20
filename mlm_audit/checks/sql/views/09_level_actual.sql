-- One row per order and level with any record: commission records, ledger credits, roll-ups to the company.
-- Amounts are summed with their signs; a reversing row counts as minus one. member_*: the members with an amount left after that.
-- Only for the orders whose lines are not proven to be the same.
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
    from (
        select reference_id, type, user_id, level_depth, amount_paisa from ledger
        union all
        select reference_id, type, user_id, level_depth, amount_paisa from corrections where own_type = 'adjustment'
    ) as posted
    where type in ('sponsor_commission', 'rollup_to_company') and reference_id in (select order_id from suspects)
),

holders as (
    select
        order_id,
        level,
        min(member_id) as member_low,
        max(member_id) as member_high
    from (
        select order_id, level, member_id
        from lines
        where member_id is not null
        group by order_id, level, member_id
        having sum(amount_paisa * records) <> 0 or sum(amount_paisa * credits) <> 0 or min(abs(amount_paisa)) = 0
    ) as held
    group by order_id, level
),

summed as (
    select
        order_id,
        level,
        -- A partly reversed row has an amount left: it still counts as one row.
        greatest(
            sum(case when amount_paisa < 0 then -records else records end),
            case when sum(amount_paisa * records) <> 0 then 1 else 0 end
        )::BIGINT as records,
        greatest(
            sum(case when amount_paisa < 0 then -credits else credits end),
            case when sum(amount_paisa * credits) <> 0 then 1 else 0 end
        )::BIGINT as credits,
        greatest(
            sum(case when amount_paisa < 0 then -rollups else rollups end),
            case when sum(amount_paisa * rollups) <> 0 then 1 else 0 end
        )::BIGINT as rollups,
        sum(amount_paisa * records)::BIGINT as recorded_paisa,
        sum(amount_paisa * credits)::BIGINT as credited_paisa,
        sum(amount_paisa * rollups)::BIGINT as rolled_up_paisa,
        min(from_user_id) as from_low,
        max(from_user_id) as from_high,
        count(from_user_id) as from_named,
        min(is_joining_record) as joining_low,
        max(is_joining_record) as joining_high
    from lines
    group by order_id, level
)

select
    s.*,
    h.member_low,
    h.member_high
from summed as s
left join holders as h on s.order_id = h.order_id and s.level is not distinct from h.level
