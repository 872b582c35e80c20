-- Paid instalments against what the ledger credited for them in total, both ways; only the ones that differ.
-- Reversals, negative payouts and recoveries by adjustment take away from it; credits counts a row that takes away as minus one.
with postings as (
    select reference_id as schedule_id, coalesce(user_id, 0) as member_id, amount_paisa, id, created_at
    from ledger
    where type = 'self_payout' and reference_id is not null
    union all
    select reference_id as schedule_id, coalesce(user_id, 0) as member_id, amount_paisa, ledger_id as id, created_at
    from corrections
    where own_type = 'adjustment' and type = 'self_payout' and reference_id is not null
),

credits as (
    select
        schedule_id,
        sum(case when amount_paisa < 0 then -1 else 1 end)::BIGINT as credits,
        sum(amount_paisa)::BIGINT as credited_paisa,
        min(member_id) as member_low,
        max(member_id) as member_high,
        coalesce(min(case when amount_paisa > 0 then id end), min(id)) as first_ledger_id,
        coalesce(max(case when amount_paisa > 0 then id end), max(id)) as last_ledger_id,
        min(created_at) as credited_at
    from postings
    group by schedule_id
),

-- Who holds something of it after all corrections; only where more than one member had a row.
holders as (
    select
        schedule_id,
        min(member_id) as member_low,
        max(member_id) as member_high
    from (
        select schedule_id, member_id
        from postings
        where schedule_id in (select schedule_id from credits where member_low <> member_high)
        group by schedule_id, member_id
        having sum(amount_paisa) <> 0
    ) as held
    group by schedule_id
),

compared as (
    select
        coalesce(s.id, c.schedule_id) as schedule_id,
        s.id is not null as is_known,
        s.user_id,
        s.order_id,
        s.status,
        coalesce(s.actual_amount_paisa, s.amount_paisa, 0) as amount_paisa,
        case when s.status = 'paid' then coalesce(s.actual_amount_paisa, s.amount_paisa, 0) else 0 end as due_paisa,
        c.schedule_id is not null as is_posted,
        coalesce(c.credits, 0) as credits,
        coalesce(c.credited_paisa, 0) as credited_paisa,
        c.member_low,
        c.member_high,
        c.first_ledger_id,
        c.last_ledger_id,
        c.credited_at
    from payout_schedule as s
    full outer join credits as c on s.id = c.schedule_id
    where
        s.id is null
        or (s.status = 'paid') <> (c.schedule_id is not null)
        or s.status is null
        or c.credits <> 1
        or c.member_low <> s.user_id
        or c.member_high <> s.user_id
        or c.credited_paisa <> coalesce(s.actual_amount_paisa, s.amount_paisa)
),

judged as (
    select
        c.*,
        coalesce(h.member_low, c.member_low) as holder_low,
        coalesce(h.member_high, c.member_high) as holder_high,
        o.stands
    from compared as c
    left join holders as h on c.schedule_id = h.schedule_id
    left join paid_orders as o on c.order_id = o.order_id
),

faults as (
    select
        *,
        case
            when not is_known and credited_paisa <> 0 then 'unknown-schedule'
            when not is_known then null
            -- What a refund took back is no fault of the payout.
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
-- A payout credit without a reference is a finding of its own: it is never taken together with another.
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
