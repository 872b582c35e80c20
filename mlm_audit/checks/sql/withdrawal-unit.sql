-- code: withdrawal-unit
-- title: Withdrawals are debited with the wrong unit
-- severity: critical
-- needs: withdrawals, ledger, users
-- requires: withdrawal_debit=hundredth, ledger.reference_id
-- optional: none
-- determines: none
-- about: issue
-- slices: none
-- local: no
-- causes: debited-in-other-unit
-- follows: none
-- explains: none
-- proves: No withdrawals are debited with a hundredth of their amount, as happens when rupees are read as paisa.
-- do: Stop approving withdrawals until the unit is corrected; then debit the difference of each request, or reject the request and credit it back.
-- message: {withdrawals_text} of {members_text} debited with a hundredth of the amount: {debited_paisa} is debited, {requested_paisa} was requested.
select
    null::BIGINT as member_id,
    null::BIGINT as order_id,
    (sum(amount_paisa) - sum(debited_paisa))::BIGINT as amount_paisa,
    case when count(*) = 1 then '1 withdrawal' else count(*) || ' withdrawals' end as withdrawals_text,
    case when count(distinct member_id) = 1 then '1 member is' else count(distinct member_id) || ' members are' end as members_text,
    sum(debited_paisa)::BIGINT as debited_paisa,
    sum(amount_paisa)::BIGINT as requested_paisa,
    'debited-in-other-unit' as cause,
    [{'table': 'withdrawal_requests', 'id': min(withdrawal_id)}, {'table': 'withdrawal_requests', 'id': max(withdrawal_id)}] as evidence,
    'hundredth' as key
from withdrawal_faults
where fault = 'hundredth'
having count(*) > 0
