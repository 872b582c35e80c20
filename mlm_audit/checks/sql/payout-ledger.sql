-- code: payout-ledger
-- title: Payouts and ledger disagree
-- severity: high
-- needs: payout_schedule, ledger
-- proves: Every paid instalment has exactly its ledger credit, and every payout credit its paid instalment.
-- do: Where the credit is missing, see whether the wallet has it; where the instalment is not marked paid, mark it before it is paid again.
-- message: Instalment {schedule_id} ({status}): {credited_paisa} in the ledger, {expected_paisa} expected.
select
    p.member_id,
    p.order_id,
    p.schedule_id,
    coalesce(p.status, 'unknown') as status,
    p.credited_paisa - case when p.status = 'paid' then p.amount_paisa else 0 end as amount_paisa,
    p.credited_paisa,
    case when p.status = 'paid' then p.amount_paisa else 0 end as expected_paisa,
    case
        when p.fault = 'not-in-ledger' and r.schedule_ref is not null then 'other-ledger-type'
        when p.fault = 'not-in-ledger' and g.member_id is not null then 'ledger-row-lost'
        when p.fault = 'not-in-ledger' then 'lost-payout'
        when p.fault = 'not-marked-paid' then 'payout-not-marked'
        when p.fault = 'unknown-schedule' then 'payout-without-schedule'
        when p.fault = 'beneficiary' then 'wrong-beneficiary'
        when g.member_id is not null then 'history-edited'
        else 'wrong-amount'
    end as cause,
    [{'table': 'SelfPayoutSchedule', 'id': p.schedule_id}, {'table': 'ledger', 'id': p.first_ledger_id}] as evidence,
    p.schedule_id as key
from payout_faults as p
left join (select distinct member_id, gap_paisa from all_gaps) as g
    on p.member_id = g.member_id and g.gap_paisa = p.amount_paisa - p.credited_paisa
-- A row with the instalment's own reference is its credit, whatever kind it says to be: paying again would pay twice.
left join (
    select distinct ref as schedule_ref
    from ledger
    where substr(ref, 1, 12) = 'SELF_PAYOUT_' and type is distinct from 'self_payout'
) as r
    on r.schedule_ref = 'SELF_PAYOUT_' || p.schedule_id
where p.fault <> 'credited-twice'
