-- Every member's balance brought forward, from the ledger rows {rows}. A row without a balance afterwards is a hole: the
-- sum of the holes after the last known balance is kept as well.
select {columns}
from (
    select
        user_id,
        sum(amount_paisa)::BIGINT as sum_paisa,
        max(id) as last_id,
        max(id) filter (where balance_after_paisa is not null) as before_id,
        arg_max(amount_paisa, id) filter (where balance_after_paisa is not null) as before_amount_paisa,
        arg_max(balance_after_paisa, id) filter (where balance_after_paisa is not null) as balance_paisa
    from ({rows}) as posted
    where user_id is not null
    group by user_id
) as known
left join (
    select h.user_id as holed_id, sum(h.amount_paisa)::BIGINT as holed_paisa
    from ({rows}) as h
    left join (select user_id, max(id) as known_id from ({rows}) as k where balance_after_paisa is not null group by user_id) as k
        on h.user_id = k.user_id
    where h.balance_after_paisa is null and h.user_id is not null and (k.known_id is null or h.id > k.known_id)
    group by h.user_id
) as holes on known.user_id = holes.holed_id
