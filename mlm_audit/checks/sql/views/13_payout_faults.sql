-- Paid instalments against the total that the ledger credited for them, in both directions; only those that differ.
with postings as (
    select reference_id as schedule_id, coalesce(user_id, 0) as member_id, amount_paisa
    from ledger
    where type = 'self_payout' and reference_id in (select schedule_id from payout_suspects where member_low <> member_high)
    union all
    select reference_id as schedule_id, coalesce(user_id, 0) as member_id, amount_paisa
    from corrections
    where
        own_type = 'adjustment' and type = 'self_payout'
        and reference_id in (select schedule_id from payout_suspects where member_low <> member_high)
),

-- The members with an amount left after all corrections, if more than one member had a row.
holders as (
    select
        schedule_id,
        min(member_id) as member_low,
        max(member_id) as member_high
    from (
        select schedule_id, member_id
        from postings
        group by schedule_id, member_id
        having sum(amount_paisa) <> 0
    ) as held
    group by schedule_id
),

judged as (
    select
        c.*,
        coalesce(h.member_low, c.member_low) as holder_low,
        coalesce(h.member_high, c.member_high) as holder_high,
        o.stands
    from payout_suspects as c
    left join holders as h on c.schedule_id = h.schedule_id
    left join paid_orders as o on c.order_id = o.order_id
),

faults as (
    select
        *,
        case
            when not is_known and credited_paisa <> 0 then 'unknown-schedule'
            when not is_known then null
            -- An amount that a refund reversed is no fault of the payout.
            when not coalesce(stands, true) and credited_paisa = 0 then null
            when status = 'paid' and not is_posted then 'not-in-ledger'
            when credits > 1 and credited_paisa > due_paisa then 'credited-twice'
            when coalesce(status, '') <> 'paid' and credited_paisa <> 0 then 'not-marked-paid'
            when coalesce(status, '') <> 'paid' then null
            when credited_paisa <> 0 and (holder_low <> user_id or holder_high <> user_id) then 'beneficiary'
            when credited_paisa <> due_paisa then 'amount'
        end as fault
    from judged
)

select
    schedule_id,
    coalesce(user_id, case when holder_low = 0 then null else holder_low end) as member_id,
    order_id,
    status,
    amount_paisa,
    credits,
    credited_paisa,
    case when holder_low <> user_id then holder_low else holder_high end as holder_id,
    first_ledger_id,
    last_ledger_id,
    credited_at,
    fault
from faults
where fault is not null
union all
-- A payout credit without a reference is a separate finding: it is never grouped with another one.
select
    null::BIGINT as schedule_id,
    user_id as member_id,
    null::BIGINT as order_id,
    null::VARCHAR as status,
    0::BIGINT as amount_paisa,
    1::BIGINT as credits,
    amount_paisa as credited_paisa,
    user_id as holder_id,
    id as first_ledger_id,
    id as last_ledger_id,
    created_at as credited_at,
    'unknown-schedule' as fault
from ledger
where
    type = 'self_payout'
    and reference_id is null
    and amount_paisa <> 0
    and id not in (select ledger_id from corrections)
    and id not in (select of_id from corrections)
