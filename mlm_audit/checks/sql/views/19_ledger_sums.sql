-- The ledger's sum for every member that it names. chained_rows, balances: the number of rows after the balance brought forward, and
-- the number of these rows with a running balance; opening_*: the values brought forward.
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
