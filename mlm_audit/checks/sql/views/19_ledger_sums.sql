-- What the ledger adds up to for every member that it names. chained_rows, balances: how many rows there are after what was brought
-- forward, and how many of them say what the balance was after them; opening_*: what was brought forward.
select
    user_id,
    sum(amount_paisa)::BIGINT as ledger_paisa,
    count(id) as chained_rows,
    count(balance_after_paisa) as balances,
    max(opening_id) as opening_id,
    max(opening_since_paisa) as opening_since_paisa
from (
    select id, user_id, amount_paisa, balance_after_paisa, opening_id, opening_since_paisa
    from chain_rows
    where user_id is not null
    union all
    select
        null::BIGINT as id,
        user_id,
        sum_paisa as amount_paisa,
        null::BIGINT as balance_after_paisa,
        before_id as opening_id,
        coalesce(since_paisa, 0) as opening_since_paisa
    from brought_forward
) as posted
group by user_id
