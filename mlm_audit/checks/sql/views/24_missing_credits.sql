-- Money that other records prove and that the ledger lacks or has with a different amount; per member.
-- lost_paisa: the amount missing from the ledger (negative: a missing debit). whole: there is no row; otherwise ledger_id has a
-- different amount. kind, reference_id, level and key are those of the missing row; break_id is the break that reports it.
-- in_wallet: 'yes' if the wallet differs from the ledger by exactly this amount, 'no' if they agree, otherwise 'unknown'.
with edited_lines as (
    select
        reference_id as order_id,
        level_depth as level,
        max(id) as ledger_id
    from ledger
    where type = 'sponsor_commission' and reference_id in (select order_id from level_faults where credits > 0)
    group by reference_id, level_depth
),

lacking as (
    select
        f.upline_id as member_id,
        'commissions' as record,
        f.order_id as record_id,
        f.amount_paisa - f.credited_paisa as lost_paisa,
        f.credits = 0 as whole,
        'sponsor_commission' as kind,
        f.order_id as reference_id,
        f.level::BIGINT as level,
        'ORDER_' || f.order_id || '_L' || f.level as key,
        case
            when f.credits = 0 and f.records > 0 then 'commission-not-posted/'
            when f.credits = 0 then 'commission-missing/'
            else 'commission-amount/'
        end || f.order_id || '/' || f.level as break_id,
        e.ledger_id,
        f.credited_paisa as booked_paisa
    from level_faults as f
    left join edited_lines as e on f.order_id = e.order_id and f.level = e.level
    where f.is_expected and f.is_credited and f.to_member and f.credits < 2 and f.credited_paisa <> f.amount_paisa
    union all
    select
        member_id,
        'SelfPayoutSchedule' as record,
        schedule_id as record_id,
        amount_paisa - credited_paisa as lost_paisa,
        credits = 0 as whole,
        'self_payout' as kind,
        schedule_id as reference_id,
        null::BIGINT as level,
        'SELF_PAYOUT_' || schedule_id as key,
        'payout-ledger/' || schedule_id as break_id,
        last_ledger_id as ledger_id,
        credited_paisa as booked_paisa
    from payout_faults
    where status = 'paid' and fault in ('not-in-ledger', 'amount')
    union all
    select
        member_id,
        'withdrawal_requests' as record,
        withdrawal_id as record_id,
        debited_paisa - amount_paisa as lost_paisa,
        debits = 0 as whole,
        'withdrawal' as kind,
        withdrawal_id as reference_id,
        null::BIGINT as level,
        'WITHDRAWAL_' || withdrawal_id as key,
        'withdrawals/' || withdrawal_id as break_id,
        last_ledger_id as ledger_id,
        -debited_paisa as booked_paisa
    from withdrawal_faults
    where is_due and fault in ('not-debited', 'amount')
    union all
    select
        member_id,
        'commissions released in' as record,
        month as record_id,
        released_paisa - credited_paisa as lost_paisa,
        credits = 0 as whole,
        'repurchase_commission' as kind,
        month as reference_id,
        null::BIGINT as level,
        'REPURCHASE_' || member_id || '_' || month as key,
        'release-ledger/' || member_id || '/' || month as break_id,
        credit_last_id as ledger_id,
        credited_paisa as booked_paisa
    from sweep_faults
    where released_paisa <> credited_paisa and not is_doubled and month is not null
),

-- How often the wallet or the running balance moved by such an amount without a row, not counting reversed moves.
moved as (
    select
        member_id,
        abs(gap_paisa) as size_paisa,
        sum(case when gap_paisa > 0 then 1 else -1 end)::BIGINT as times
    from all_gaps
    group by member_id, abs(gap_paisa)
),

wanted as (
    select
        member_id,
        abs(lost_paisa) as size_paisa,
        sum(case when lost_paisa > 0 then 1 else -1 end)::BIGINT as times
    from lacking
    group by member_id, abs(lost_paisa)
)

select
    l.*,
    case
        when abs(m.times) >= abs(w.times) and m.times * l.lost_paisa > 0 then 'yes'
        when b.member_id is null then 'no'
        else 'unknown'
    end as in_wallet
from lacking as l
left join moved as m on l.member_id = m.member_id and abs(l.lost_paisa) = m.size_paisa
left join wanted as w on l.member_id = w.member_id and abs(l.lost_paisa) = w.size_paisa
left join balances as b on l.member_id = b.member_id
