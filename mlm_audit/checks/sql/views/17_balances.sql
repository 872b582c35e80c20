-- The members whose wallet is not the sum of their ledger rows; without rows the sum is zero.
select
    u.id as member_id,
    u.wallet_balance_paisa as wallet_paisa,
    coalesce(s.ledger_paisa, 0) as ledger_paisa,
    u.wallet_balance_paisa - coalesce(s.ledger_paisa, 0) as difference_paisa
from users as u
left join member_sums as s on u.id = s.user_id
where u.wallet_balance_paisa <> coalesce(s.ledger_paisa, 0)
