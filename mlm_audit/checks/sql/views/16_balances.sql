-- Per member: the wallet, the sum of the ledger, and their difference. Members without ledger rows have a sum of zero.
with sums as (
    select
        user_id,
        sum(amount_paisa)::BIGINT as ledger_paisa,
        count(*) as ledger_rows
    from ledger
    where user_id is not null
    group by user_id
)

select
    u.id as member_id,
    u.wallet_balance_paisa as wallet_paisa,
    coalesce(s.ledger_paisa, 0) as ledger_paisa,
    coalesce(s.ledger_rows, 0) as ledger_rows,
    u.wallet_balance_paisa - coalesce(s.ledger_paisa, 0) as difference_paisa
from users as u
left join sums as s on u.id = s.user_id
where u.wallet_balance_paisa <> coalesce(s.ledger_paisa, 0)
