-- The members whose wallet is not the sum of their ledger rows; without rows the sum is zero.
select
    u.id as member_id,
    coalesce(u.wallet_balance_paisa, 0) as wallet_paisa,
    coalesce(s.ledger_paisa, 0) as ledger_paisa,
    coalesce(u.wallet_balance_paisa, 0) - coalesce(s.ledger_paisa, 0) as difference_paisa
from users as u
left join ledger_sums as s on u.id = s.user_id
where coalesce(u.wallet_balance_paisa, 0) <> coalesce(s.ledger_paisa, 0)
