-- code: withdrawals
-- title: Withdrawals and ledger disagree
-- severity: high
-- needs: withdrawals, ledger
-- proves: Every approved withdrawal has exactly its ledger debit, and every debit its approved request.
-- do: Where the debit is missing the money has left and the member can withdraw it again: debit the wallet. Where it is twice or not approved: credit it back.
-- message: Withdrawal {withdrawal_id} ({status}): {debited_paisa} debited, {expected_paisa} expected.
select
    w.member_id,
    w.withdrawal_id,
    coalesce(w.status, 'unknown') as status,
    case when w.status = 'approved' then w.amount_paisa else 0 end - w.debited_paisa as amount_paisa,
    w.debited_paisa,
    case when w.status = 'approved' then w.amount_paisa else 0 end as expected_paisa,
    case
        when w.fault = 'not-debited' and g.member_id is not null then 'ledger-row-lost'
        when w.fault = 'not-debited' then 'withdrawal-not-debited'
        when w.fault = 'debited-twice' then 'withdrawal-debited-twice'
        when w.fault = 'not-approved' then 'withdrawal-not-approved'
        when w.fault = 'unknown-request' then 'withdrawal-without-request'
        when w.fault = 'beneficiary' then 'wrong-beneficiary'
        when g.member_id is not null then 'history-edited'
        else 'wrong-amount'
    end as cause,
    [{'table': 'withdrawal_requests', 'id': w.withdrawal_id}, {'table': 'ledger', 'id': w.first_ledger_id},
        {'table': 'ledger', 'id': case when w.debits > 1 then w.last_ledger_id end}] as evidence,
    w.withdrawal_id as key
from withdrawal_faults as w
left join (select distinct member_id, gap_paisa from all_gaps) as g
    on w.member_id = g.member_id and g.gap_paisa = w.debited_paisa - w.amount_paisa
