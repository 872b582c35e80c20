-- Where the running balance breaks: a row whose balanceAfter is not the last known balance plus the amounts since.
-- A member's gaps, with the one between the last row and the wallet, add up to wallet minus ledger, to the paisa.
-- A row without balanceAfter causes no gap: its amount counts for the next row that has one. is_next: no such row lies between.
with holed as (
    select user_id
    from ledger_sums
    where balances > 0 and (balances < chained_rows or opening_since_paisa <> 0)
),

whole as (
    select
        id,
        user_id,
        amount_paisa,
        amount_paisa as moved_paisa,
        balance_after_paisa,
        true as is_next,
        coalesce(lag(balance_after_paisa) over (partition by user_id order by id), opening_paisa) as before_balance_paisa
    from chain_rows
    where user_id is not null and balance_after_paisa is not null and user_id not in (select user_id from holed)
),

summed as (
    select
        *,
        opening_since_paisa + sum(amount_paisa) over (partition by user_id order by id) as sum_paisa,
        row_number() over (partition by user_id order by id) as place
    from chain_rows
    where user_id in (select user_id from holed)
),

with_holes as (
    select
        id,
        user_id,
        amount_paisa,
        (sum_paisa - coalesce(lag(sum_paisa) over (partition by user_id order by id), 0))::BIGINT as moved_paisa,
        balance_after_paisa,
        place - coalesce(lag(place) over (partition by user_id order by id), 0) = 1 as is_next,
        coalesce(lag(balance_after_paisa) over (partition by user_id order by id), opening_paisa) as before_balance_paisa
    from summed
    where balance_after_paisa is not null
),

broken as (
    select * from whole where balance_after_paisa - before_balance_paisa <> moved_paisa
    union all
    select * from with_holes where balance_after_paisa - before_balance_paisa <> moved_paisa
),

-- The row before each gap, only for the affected members: reading it for the whole ledger would double the cost.
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
    case when b.is_next then r.before_amount_paisa end as before_amount_paisa,
    b.before_balance_paisa + b.moved_paisa as expected_paisa,
    b.balance_after_paisa,
    b.balance_after_paisa - b.before_balance_paisa - b.moved_paisa as gap_paisa
from broken as b
inner join rows_before as r on b.id = r.id
