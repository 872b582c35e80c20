-- code: withdrawals
-- title: Withdrawals and ledger disagree
-- severity: high
-- needs: withdrawals, ledger, users
-- requires: ledger.reference_id
-- optional: none
-- determines: ledger.(row), ledger.amount_paisa, ledger.reference_id, ledger.type, ledger.user_id, withdrawals.(row), withdrawals.amount_paisa, withdrawals.id, withdrawals.status, withdrawals.user_id
-- about: member
-- slices: wallet
-- local: yes
-- causes: follows-from-order-line, history-edited, ledger-row-lost, not-in-ledger, other-ledger-type, withdrawal-debited-twice, withdrawal-not-approved, withdrawal-not-debited, withdrawal-requested-twice, withdrawal-without-request, wrong-amount, wrong-beneficiary
-- follows: lost-member
-- explains: owner
-- proves: Every approved withdrawal is debited in the ledger with its amount, corrections included, and every debit has its approved request.
-- do: Follow the steps of `mlm-audit remedy show`. They depend on whether the money left the bank, which only a person can find out.
-- message: Withdrawal {withdrawal_text} ({status}): {debited_paisa} is debited, {expected_paisa} is expected.
with twins as (
    -- A repeated request: same member, amount and time, and also approved.
    select
        w.id as withdrawal_id,
        min(o.id) as twin_id
    from withdrawals as w
    inner join withdrawals as o
        on w.user_id = o.user_id and w.amount_paisa = o.amount_paisa and w.id <> o.id and w.requested_at is not distinct from o.requested_at
    where w.id in (select withdrawal_id from withdrawal_faults where fault = 'not-debited') and o.status = 'approved'
    group by w.id
),

-- Of several debits, the surplus one: one with another member or amount than the request, otherwise the last.
surplus as (
    select
        l.reference_id as withdrawal_id,
        coalesce(
            max(case when l.user_id is distinct from w.member_id or l.amount_paisa <> -w.amount_paisa then l.id end), max(l.id)
        ) as ledger_id
    from ledger as l
    inner join (select * from withdrawal_faults where fault = 'debited-twice') as w on l.reference_id = w.withdrawal_id
    where l.type = 'withdrawal' and l.amount_paisa < 0 and l.id not in (select of_id from taken_back)
    group by l.reference_id
)

select
    w.member_id,
    coalesce(w.withdrawal_id::VARCHAR, '(none)') as withdrawal_text,
    coalesce(w.status, 'unknown') as status,
    case when w.is_due then w.amount_paisa else 0 end - w.debited_paisa as amount_paisa,
    w.debited_paisa,
    case when w.is_due then w.amount_paisa else 0 end as expected_paisa,
    case
        when w.fault = 'not-debited' and r.ledger_id is not null then 'other-ledger-type'
        when w.fault = 'not-debited' and m.in_wallet = 'yes' then 'ledger-row-lost'
        when w.fault = 'not-debited' and t.twin_id is not null then 'withdrawal-requested-twice'
        when w.fault = 'not-debited' and m.in_wallet = 'no' then 'withdrawal-not-debited'
        when w.fault = 'not-debited' then 'not-in-ledger'
        when w.fault = 'debited-twice' then 'withdrawal-debited-twice'
        when w.fault = 'not-approved' then 'withdrawal-not-approved'
        when w.withdrawal_id is null and x.ledger_id is not null then 'follows-from-order-line'
        when w.fault = 'unknown-request' then 'withdrawal-without-request'
        when w.fault = 'beneficiary' then 'wrong-beneficiary'
        when m.in_wallet = 'yes' then 'history-edited'
        else 'wrong-amount'
    end as cause,
    [{'table': 'withdrawal_requests', 'id': w.withdrawal_id}, {'table': 'ledger', 'id': w.first_ledger_id},
        {'table': 'ledger', 'id': case when w.debits > 1 then w.last_ledger_id end}] as evidence,
    {
        'withdrawal_id': w.withdrawal_id,
        'status': w.status,
        'due_paisa': w.amount_paisa,
        'debited_paisa': w.debited_paisa,
        'ledger_id': w.last_ledger_id,
        'holder_id': w.holder_id,
        'in_wallet': m.in_wallet,
        'twin_id': t.twin_id,
        'debited_at': d.created_at,
        'other_id': r.ledger_id,
        'other_type': r.type,
        'other_reference_id': r.reference_id,
        'other_ref': r.ref,
        'is_same_row': coalesce(r.is_same, false),
        'surplus_id': twice.id,
        'surplus_user_id': twice.user_id,
        'surplus_paisa': -twice.amount_paisa,
        -- The second debit never reached the wallet: it is reversed in the ledger alone.
        'is_outside_wallet': coalesce(spared.difference_paisa = w.debited_paisa - w.amount_paisa, false),
        'is_row_only': coalesce(
            w.fault = 'beneficiary' and bo.difference_paisa = -w.debited_paisa
            and (w.holder_id not in (select id from users) or bh.difference_paisa = -(-w.debited_paisa)), false
        ),
        'root_id': x.break_id
    } as facts,
    coalesce(w.withdrawal_id::VARCHAR, 'ledger/' || w.first_ledger_id) as key
from (select * from withdrawal_faults where fault <> 'hundredth') as w
left join missing_credits as m on m.kind = 'withdrawal' and w.withdrawal_id = m.reference_id
left join rows_by_key as r on r.break_id = 'withdrawals/' || w.withdrawal_id
left join posted_otherwise as x on w.withdrawal_id is null and w.first_ledger_id = x.ledger_id
left join (select id, created_at from ledger where id in (select last_ledger_id from withdrawal_faults)) as d on w.last_ledger_id = d.id
left join surplus as s on w.withdrawal_id = s.withdrawal_id
left join (select * from ledger where id in (select ledger_id from surplus)) as twice on s.ledger_id = twice.id
left join balances as spared on twice.user_id = spared.member_id
left join twins as t on w.withdrawal_id = t.withdrawal_id
left join balances as bo on w.member_id = bo.member_id
left join balances as bh on w.holder_id = bh.member_id
