-- code: stored-unit
-- title: Amounts are stored in another unit than the platform means
-- severity: high
-- needs: orders, withdrawals, commissions, payout_schedule
-- requires: misstated amounts
-- optional: orders, withdrawals, commissions, payout_schedule
-- determines: none
-- about: issue
-- slices: none
-- local: no
-- causes: stored-in-other-unit
-- follows: none
-- explains: none
-- proves: No amount is stored in another unit than the platform means, as far as the mapping declares it.
-- do: Correct the program that writes the column, then the stored amounts; until then, whoever reads the column must divide it.
-- message: {values_text} of {place} not in the unit that the platform means: {why}.
with stored as (
    select 'orders' as input, 'total' as column_name, count(*) as rows, min(id) as first_id, max(id) as last_id
    from orders
    where total_paisa <> 0
    union all
    select 'orders' as input, 'commission_amount' as column_name, count(*) as rows, min(id) as first_id, max(id) as last_id
    from orders
    where commission_amount_paisa <> 0
    union all
    select 'withdrawals' as input, 'amount' as column_name, count(*) as rows, min(id) as first_id, max(id) as last_id
    from withdrawals
    where amount_paisa <> 0
    union all
    select 'commissions' as input, 'amount' as column_name, count(*) as rows, min(id) as first_id, max(id) as last_id
    from commissions
    where amount_paisa <> 0
    union all
    select 'payout_schedule' as input, 'amount' as column_name, count(*) as rows, min(id) as first_id, max(id) as last_id
    from payout_schedule
    where amount_paisa <> 0
)

select
    null::BIGINT as member_id,
    null::BIGINT as order_id,
    0::BIGINT as amount_paisa,
    case when s.rows = 1 then '1 value' else s.rows || ' values' end as values_text,
    m.place || case when s.rows = 1 then ' is' else ' are' end as place,
    m.why,
    'stored-in-other-unit' as cause,
    [{'table': m.stored_in, 'id': s.first_id}, {'table': m.stored_in, 'id': s.last_id}] as evidence,
    s.input || '/' || s.column_name as key
from stored as s
inner join misstated_amounts as m on s.input = m.input and s.column_name = m.column_name
where s.rows > 0
