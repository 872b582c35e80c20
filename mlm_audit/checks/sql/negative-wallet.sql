-- code: negative-wallet
-- title: A wallet is below zero
-- severity: critical
-- needs: users
-- proves: No wallet balance is negative.
-- do: Stop this member's withdrawals; find the debit that exceeded the balance and recover it.
-- message: The wallet stands at {amount_paisa}.
select
    id as member_id,
    wallet_balance_paisa as amount_paisa,
    'overdrawn' as cause,
    [{'table': 'users', 'id': id, 'wallet_balance_paisa': wallet_balance_paisa}] as evidence
from users
where wallet_balance_paisa < 0
