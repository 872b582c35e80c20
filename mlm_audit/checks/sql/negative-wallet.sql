-- code: negative-wallet
-- title: A wallet is below zero
-- severity: critical
-- needs: users, ledger
-- requires: none
-- optional: none
-- determines: ledger.amount_paisa, ledger.user_id
-- about: member
-- slices: wallet
-- local: yes
-- causes: overdrawn
-- follows: none
-- explains: none
-- proves: No wallet balance is negative.
-- do: Stop this member's withdrawals. A person must find out whether the money left; if it did, that person decides whether to recover it or write it off.
-- message: The wallet balance is {amount_paisa}.
with debits as (
    select
        user_id,
        max(id) as ledger_id
    from ledger
    where type = 'withdrawal' and amount_paisa < 0 and user_id in (select id from users where wallet_balance_paisa < 0)
    group by user_id
)

select
    u.id as member_id,
    u.wallet_balance_paisa as amount_paisa,
    'overdrawn' as cause,
    [
        {'table': 'users', 'id': u.id, 'wallet_balance_paisa': u.wallet_balance_paisa},
        {'table': 'ledger', 'id': l.id, 'wallet_balance_paisa': null::BIGINT}
    ] as evidence,
    {
        'ledger_id': l.id,
        'debit_paisa': l.amount_paisa,
        'withdrawal_id': w.id,
        'is_wallet_off': b.member_id is not null
    } as facts
from users as u
left join debits as d on u.id = d.user_id
left join ledger as l on d.ledger_id = l.id
left join withdrawals as w on l.reference_id = w.id and l.user_id = w.user_id and w.status = 'approved'
left join balances as b on u.id = b.member_id
where u.wallet_balance_paisa < 0
