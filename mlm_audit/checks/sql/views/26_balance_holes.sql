-- Rows without balanceAfter that follow a row of the same member with one; expected_paisa is the expected value.
with holed as (
    select user_id
    from ledger_sums
    where balances < chained_rows and (balances > 0 or opening_id is not null)
),

summed as (
    select
        *,
        sum(amount_paisa) over (partition by user_id order by id) as sum_paisa,
        max(case when balance_after_paisa is not null then id end) over (partition by user_id order by id) as known_id
    from chain_rows
    where user_id in (select user_id from holed)
),

holes as (
    select
        h.user_id as member_id,
        h.id as ledger_id,
        (coalesce(k.balance_after_paisa - k.sum_paisa, h.opening_paisa + h.opening_since_paisa) + h.sum_paisa)::BIGINT as expected_paisa
    from summed as h
    left join summed as k on h.known_id = k.id
    where h.balance_after_paisa is null and (k.id is not null or h.opening_id is not null)
)

select
    member_id,
    ledger_id,
    expected_paisa
from holes
