-- Instalments whose postings must be examined: those that differ from the total that the ledger credited for them, in either direction,
-- and those with a posting that is too early (is_early).
-- Reversals, negative payouts and recoveries by adjustment reduce the total; credits counts a reversing row as minus one.
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
)

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
    c.credited_at,
    coalesce(
        epoch_us(c.credited_at) < epoch_us(s.payout_date) - 3600000000
        or (s.status = 'paid' and epoch_us(c.credited_at) < epoch_us(s.processed_at) - 3600000000),
        false
    ) as is_early
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
    or epoch_us(c.credited_at) < epoch_us(s.payout_date) - 3600000000
    or (s.status = 'paid' and epoch_us(c.credited_at) < epoch_us(s.processed_at) - 3600000000)
