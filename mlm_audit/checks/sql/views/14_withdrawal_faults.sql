-- Withdrawal requests against the total that the ledger debited for them, in both directions; only those that differ.
-- fault 'hundredth': a hundredth of the amount was debited, by a fault of the platform that its mapping declares.
-- Amounts that were credited back reduce the total; debits counts such a row as minus one.
with postings as (
    select reference_id as withdrawal_id, coalesce(user_id, 0) as member_id, amount_paisa, id
    from ledger
    where type = 'withdrawal' and reference_id is not null
    union all
    select reference_id as withdrawal_id, coalesce(user_id, 0) as member_id, amount_paisa, ledger_id as id
    from corrections
    where own_type = 'adjustment' and type = 'withdrawal' and reference_id is not null
),

debits as (
    select
        withdrawal_id,
        sum(case when amount_paisa > 0 then -1 else 1 end)::BIGINT as debits,
        -sum(amount_paisa)::BIGINT as debited_paisa,
        min(member_id) as member_low,
        max(member_id) as member_high,
        coalesce(min(case when amount_paisa < 0 then id end), min(id)) as first_ledger_id,
        coalesce(max(case when amount_paisa < 0 then id end), max(id)) as last_ledger_id
    from postings
    group by withdrawal_id
),

holders as (
    select
        withdrawal_id,
        min(member_id) as member_low,
        max(member_id) as member_high
    from (
        select withdrawal_id, member_id
        from postings
        where withdrawal_id in (select withdrawal_id from debits where member_low <> member_high)
        group by withdrawal_id, member_id
        having sum(amount_paisa) <> 0
    ) as held
    group by withdrawal_id
),

compared as (
    select
        coalesce(w.id, d.withdrawal_id) as withdrawal_id,
        w.id is not null as is_known,
        w.user_id,
        w.status,
        coalesce(w.amount_paisa, 0) as amount_paisa,
        w.is_hundredth_debited,
        w.status = 'approved' or (w.status = 'pending' and w.is_debited_on_request) as is_due,
        d.withdrawal_id is not null as is_posted,
        coalesce(d.debits, 0) as debits,
        coalesce(d.debited_paisa, 0) as debited_paisa,
        coalesce(h.member_low, d.member_low) as holder_low,
        coalesce(h.member_high, d.member_high) as holder_high,
        d.first_ledger_id,
        d.last_ledger_id
    from (select w.*, r.is_debited_on_request, r.is_hundredth_debited from withdrawals as w cross join rules as r) as w
    full outer join debits as d on w.id = d.withdrawal_id
    left join holders as h on coalesce(w.id, d.withdrawal_id) = h.withdrawal_id
),

faults as (
    select
        *,
        case
            when not is_known and debited_paisa <> 0 then 'unknown-request'
            when not is_known then null
            when is_due and not is_posted then 'not-debited'
            when not coalesce(is_due, false) and debited_paisa <> 0 then 'not-approved'
            when not coalesce(is_due, false) then null
            when debits > 1 and debited_paisa > amount_paisa then 'debited-twice'
            when debited_paisa <> 0 and (holder_low <> user_id or holder_high <> user_id) then 'beneficiary'
            when debited_paisa * 100 = amount_paisa and debited_paisa > 0 and is_hundredth_debited then 'hundredth'
            when debited_paisa <> amount_paisa then 'amount'
        end as fault
    from compared
)

select
    withdrawal_id,
    coalesce(user_id, case when holder_low = 0 then null else holder_low end) as member_id,
    status,
    coalesce(is_due, false) as is_due,
    amount_paisa,
    debits,
    debited_paisa,
    case when holder_low <> user_id then holder_low else holder_high end as holder_id,
    first_ledger_id,
    last_ledger_id,
    fault
from faults
where fault is not null
union all
-- A debit without a reference is a separate finding: it is never grouped with another one.
select
    null::BIGINT as withdrawal_id,
    user_id as member_id,
    null::VARCHAR as status,
    false as is_due,
    0::BIGINT as amount_paisa,
    1::BIGINT as debits,
    -amount_paisa as debited_paisa,
    user_id as holder_id,
    id as first_ledger_id,
    id as last_ledger_id,
    'unknown-request' as fault
from ledger
where
    type = 'withdrawal'
    and reference_id is null
    and amount_paisa <> 0
    and id not in (select ledger_id from corrections)
    and id not in (select of_id from corrections)
