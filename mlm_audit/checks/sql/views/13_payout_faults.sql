-- Paid instalments against their ledger credits (SELF_PAYOUT_<schedule id>), both ways; only the ones that differ.
with credits as (
    select
        reference_id as schedule_id,
        count(*) as credits,
        sum(amount_paisa)::BIGINT as credited_paisa,
        min(user_id) as member_low,
        max(user_id) as member_high,
        min(id) as first_ledger_id,
        max(id) as last_ledger_id
    from ledger
    where type = 'self_payout'
    group by reference_id
)

select
    coalesce(s.id, c.schedule_id) as schedule_id,
    coalesce(s.user_id, c.member_low) as member_id,
    s.order_id,
    s.status,
    coalesce(s.actual_amount_paisa, s.amount_paisa, 0) as amount_paisa,
    coalesce(c.credits, 0) as credits,
    coalesce(c.credited_paisa, 0) as credited_paisa,
    c.first_ledger_id,
    c.last_ledger_id,
    case
        when s.id is null then 'unknown-schedule'
        when c.schedule_id is null then 'not-in-ledger'
        when c.credits > 1 then 'credited-twice'
        when s.status <> 'paid' then 'not-marked-paid'
        when c.member_low <> s.user_id then 'beneficiary'
        else 'amount'
    end as fault
from payout_schedule as s
full outer join credits as c on s.id = c.schedule_id
where
    s.id is null
    or (s.status = 'paid' and c.schedule_id is null)
    or (s.status <> 'paid' and c.schedule_id is not null)
    or c.credits > 1
    or c.member_low <> s.user_id
    or c.credited_paisa <> coalesce(s.actual_amount_paisa, s.amount_paisa)
