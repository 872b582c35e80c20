-- Where the running balance breaks: a row whose balanceAfter is not the balance before it plus its amount.
-- A member's gaps, with the one between the last row and the wallet, add up to wallet minus ledger, to the paisa.
with chained as (
    select
        id,
        user_id,
        amount_paisa,
        type,
        reference_id,
        level_depth,
        balance_after_paisa,
        lag(id) over chain as before_id,
        lag(amount_paisa) over chain as before_amount_paisa,
        coalesce(lag(balance_after_paisa) over chain, 0) as before_balance_paisa
    from ledger
    where user_id is not null and balance_after_paisa is not null
    window chain as (partition by user_id order by id)
)

select
    user_id as member_id,
    id as ledger_id,
    type,
    reference_id,
    level_depth,
    amount_paisa,
    before_id,
    before_amount_paisa,
    before_balance_paisa + amount_paisa as expected_paisa,
    balance_after_paisa,
    balance_after_paisa - before_balance_paisa - amount_paisa as gap_paisa
from chained
where balance_after_paisa - before_balance_paisa <> amount_paisa
