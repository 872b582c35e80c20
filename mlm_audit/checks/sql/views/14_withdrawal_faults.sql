-- Withdrawal requests against their ledger debits, both ways; only the ones that differ.
with debits as (
    select
        reference_id as withdrawal_id,
        count(*) as debits,
        -sum(amount_paisa)::BIGINT as debited_paisa,
        min(user_id) as member_low,
        max(user_id) as member_high,
        min(id) as first_ledger_id,
        max(id) as last_ledger_id
    from ledger
    where type = 'withdrawal'
    group by reference_id
)

select
    coalesce(w.id, d.withdrawal_id) as withdrawal_id,
    coalesce(w.user_id, d.member_low) as member_id,
    w.status,
    coalesce(w.amount_paisa, 0) as amount_paisa,
    coalesce(d.debits, 0) as debits,
    coalesce(d.debited_paisa, 0) as debited_paisa,
    d.first_ledger_id,
    d.last_ledger_id,
    case
        when w.id is null then 'unknown-request'
        when d.withdrawal_id is null then 'not-debited'
        when w.status <> 'approved' then 'not-approved'
        when d.debits > 1 then 'debited-twice'
        when d.member_low <> w.user_id then 'beneficiary'
        else 'amount'
    end as fault
from withdrawals as w
full outer join debits as d on w.id = d.withdrawal_id
where
    w.id is null
    or (w.status = 'approved' and d.withdrawal_id is null)
    or (w.status <> 'approved' and d.withdrawal_id is not null)
    or d.debits > 1
    or d.member_low <> w.user_id
    or d.debited_paisa <> w.amount_paisa
