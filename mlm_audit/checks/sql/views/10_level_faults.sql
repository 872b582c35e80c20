-- Expected against actual, by order and level, in one full outer join; only the lines that differ.
-- fault: the first of the listed kinds that applies to the line.
with compared as (
    select
        coalesce(e.order_id, a.order_id) as order_id,
        coalesce(e.level, a.level) as level,
        e.order_id is not null as is_expected,
        e.activity = 'active' or (e.activity = 'unknown' and a.records + a.credits > 0) as to_member,
        e.is_joining,
        e.is_credited,
        e.has_records,
        e.version_no,
        e.buyer_id,
        e.upline_id,
        coalesce(e.amount_paisa, 0) as amount_paisa,
        coalesce(a.records, 0) as records,
        coalesce(a.credits, 0) as credits,
        coalesce(a.rollups, 0) as rollups,
        coalesce(a.recorded_paisa, 0) as recorded_paisa,
        coalesce(a.credited_paisa, 0) as credited_paisa,
        coalesce(a.rolled_up_paisa, 0) as rolled_up_paisa,
        a.member_low,
        a.member_high,
        a.from_low,
        a.from_high,
        a.from_named,
        a.joining_low,
        a.joining_high
    from level_expected as e
    full outer join level_actual as a on e.order_id = a.order_id and e.level = a.level
),

judged as (
    select
        *,
        case
            -- A line that was reversed in full no longer belongs to anyone.
            when
                not is_expected and records = 0 and credits = 0 and rollups = 0
                and recorded_paisa = 0 and credited_paisa = 0 and rolled_up_paisa = 0
                then null
            when not is_expected then 'unexpected'
            when not coalesce(to_member, false) and records + credits > 0 then 'inactive-upline'
            when not coalesce(to_member, false) and rollups = 0 then 'rollup-missing'
            when not coalesce(to_member, false) and rollups > 1 and rolled_up_paisa > amount_paisa then 'rollup-twice'
            when not coalesce(to_member, false) and rolled_up_paisa <> amount_paisa then 'rollup-amount'
            when not coalesce(to_member, false) then null
            when records + credits = 0 and rollups > 0 then 'rolled-up'
            when records + credits = 0 then 'missing'
            when rollups > 0 then 'rolled-up-too'
            when credits > 1 and credited_paisa > amount_paisa then 'credited-twice'
            when records > 1 and recorded_paisa > amount_paisa then 'recorded-twice'
            when member_low <> upline_id or member_high <> upline_id then 'beneficiary'
            when records = 0 and has_records then 'not-recorded'
            when recorded_paisa <> amount_paisa and has_records then 'amount'
            when is_credited and credits = 0 then 'not-posted'
            when is_credited and credited_paisa <> amount_paisa then 'amount'
            when not is_credited and credits > 0 then 'posted-early'
            when records > 0 and (joining_low <> is_joining::BIGINT or joining_high <> is_joining::BIGINT) then 'record-kind'
            when records > 0 and (from_low is null or from_named < records or from_low <> buyer_id or from_high <> buyer_id)
                then 'generated-by'
        end as fault
    from compared
)

select
    j.*,
    o.stands as order_stands,
    s.id is not null as order_exists
from judged as j
left join paid_orders as o on j.order_id = o.order_id
left join orders as s on j.order_id = s.id
where j.fault is not null and (j.fault <> 'unexpected' or (s.id is not null and coalesce(o.stands, true)))
