-- code: payout-ledger
-- title: Payouts and ledger disagree
-- severity: high
-- needs: payout_schedule, ledger, users
-- requires: ledger.reference_id
-- optional: none
-- determines: ledger.(row), ledger.amount_paisa, ledger.reference_id, ledger.type, ledger.user_id, payout_schedule.(row), payout_schedule.actual_amount_paisa, payout_schedule.id, payout_schedule.status, payout_schedule.user_id
-- about: payout
-- slices: wallet, order, payout
-- local: yes
-- causes: follows-from-order-line, history-edited, ledger-row-lost, lost-payout, not-in-ledger, other-ledger-type, payout-not-marked, payout-without-schedule, wrong-amount, wrong-beneficiary
-- follows: buyer, lost-member
-- explains: owner
-- proves: Every paid instalment is credited in the ledger with its amount, corrections included, and every payout credit has its paid instalment.
-- do: Follow the steps of `mlm-audit remedy show`. They pay the amount only if the wallet does not hold it yet.
-- message: Instalment {schedule_text} ({status}): {credited_paisa} is credited in the ledger, {expected_paisa} is expected.
select
    p.member_id,
    p.order_id,
    coalesce(p.schedule_id::VARCHAR, '(none)') as schedule_text,
    coalesce(p.status, 'unknown') as status,
    p.credited_paisa - case when p.status = 'paid' then p.amount_paisa else 0 end as amount_paisa,
    p.credited_paisa,
    case when p.status = 'paid' then p.amount_paisa else 0 end as expected_paisa,
    case
        when p.fault = 'not-in-ledger' and r.ledger_id is not null then 'other-ledger-type'
        when p.fault = 'not-in-ledger' and m.in_wallet = 'yes' then 'ledger-row-lost'
        when p.fault = 'not-in-ledger' and m.in_wallet = 'no' then 'lost-payout'
        when p.fault = 'not-in-ledger' then 'not-in-ledger'
        when p.fault = 'not-marked-paid' then 'payout-not-marked'
        when p.schedule_id is null and x.ledger_id is not null then 'follows-from-order-line'
        when p.fault = 'unknown-schedule' then 'payout-without-schedule'
        when p.fault = 'beneficiary' then 'wrong-beneficiary'
        when m.in_wallet = 'yes' then 'history-edited'
        else 'wrong-amount'
    end as cause,
    [{'table': 'SelfPayoutSchedule', 'id': p.schedule_id}, {'table': 'ledger', 'id': p.first_ledger_id}] as evidence,
    {
        'schedule_id': p.schedule_id,
        'status': p.status,
        'due_paisa': p.amount_paisa,
        'credited_paisa': p.credited_paisa,
        'ledger_id': p.last_ledger_id,
        'holder_id': p.holder_id,
        'credited_at': p.credited_at,
        'in_wallet': m.in_wallet,
        -- Marked as paid without a payout history row: anyone could have marked it.
        'is_unrecorded': p.status = 'paid' and h.schedule_id is null,
        'other_id': r.ledger_id,
        'other_type': r.type,
        'other_reference_id': r.reference_id,
        'other_ref': r.ref,
        'is_same_row': coalesce(r.is_same, false),
        'is_row_only': coalesce(
            p.fault = 'beneficiary' and bo.difference_paisa = p.credited_paisa
            and (p.holder_id not in (select id from users) or bh.difference_paisa = -(p.credited_paisa)), false
        ),
        'root_id': x.break_id
    } as facts,
    coalesce(p.schedule_id::VARCHAR, 'ledger/' || p.first_ledger_id) as key
from payout_faults as p
left join missing_credits as m on m.kind = 'self_payout' and p.schedule_id = m.reference_id
left join rows_by_key as r on r.break_id = 'payout-ledger/' || p.schedule_id
-- A row without a reference that its key identifies: the remedy of that break corrects it.
left join posted_otherwise as x on p.schedule_id is null and p.first_ledger_id = x.ledger_id
left join (
    select distinct schedule_id
    from payout_history
    where type = 'self_payout' and status = 'completed' and schedule_id in (select schedule_id from payout_faults)
) as h on p.schedule_id = h.schedule_id
left join balances as bo on p.member_id = bo.member_id
left join balances as bh on p.holder_id = bh.member_id
where p.fault <> 'credited-twice'
