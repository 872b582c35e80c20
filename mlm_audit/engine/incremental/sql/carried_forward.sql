-- The balances of the last run with the new rows {added} added. Members whose earlier rows changed are computed again from
-- all of their rows, {written_over}.
select {columns} from kept_brought_forward where user_id not in (select user_id from changed_ledger where user_id is not null)
union all
select
    n.user_id,
    coalesce(b.sum_paisa, 0) + n.sum_paisa as sum_paisa,
    n.last_id,
    coalesce(n.before_id, b.before_id) as before_id,
    case when n.before_id is null then b.before_amount_paisa else n.before_amount_paisa end as before_amount_paisa,
    case when n.before_id is null then b.balance_paisa else n.balance_paisa end as balance_paisa,
    case when n.before_id is null then coalesce(b.since_paisa, 0) + n.since_paisa else n.since_paisa end as since_paisa
from ({added}) as n left join kept_brought_forward as b on n.user_id = b.user_id
union all
{written_over}
