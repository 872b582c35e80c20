-- What the ledger adds up to for every member that it names.
select
    user_id,
    sum(amount_paisa)::BIGINT as ledger_paisa
from (
    select user_id, amount_paisa from chain_rows where user_id is not null
    union all
    select user_id, sum_paisa as amount_paisa from brought_forward
) as posted
group by user_id
