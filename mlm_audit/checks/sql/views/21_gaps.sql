-- Where the running balance breaks: a row whose balanceAfter is not the balance before it plus its amount.
-- A member's gaps, with the one between the last row and the wallet, add up to wallet minus ledger, to the paisa.
with chained as (
    select
        id,
        user_id,
        amount_paisa,
        balance_after_paisa,
        coalesce(lag(balance_after_paisa) over (partition by user_id order by id), opening_paisa) as before_balance_paisa
    from chain_rows
    where user_id is not null and balance_after_paisa is not null
),

broken as (
    select * from chained where balance_after_paisa - before_balance_paisa <> amount_paisa
),

-- The row before each, only of the members concerned: carrying it through the whole ledger would cost as much again.
rows_before as (
    select
        id,
        coalesce(lag(id) over chain, opening_id) as before_id,
        coalesce(lag(amount_paisa) over chain, opening_amount_paisa) as before_amount_paisa
    from (
        select * from chain_rows where balance_after_paisa is not null and user_id in (select user_id from broken)
    ) as l
    window chain as (partition by user_id order by id)
)

select
    b.user_id as member_id,
    b.id as ledger_id,
    b.amount_paisa,
    r.before_id,
    r.before_amount_paisa,
    b.before_balance_paisa + b.amount_paisa as expected_paisa,
    b.balance_after_paisa,
    b.balance_after_paisa - b.before_balance_paisa - b.amount_paisa as gap_paisa
from broken as b
inner join rows_before as r on b.id = r.id
