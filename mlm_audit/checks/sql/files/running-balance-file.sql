-- code: running-balance-file
-- title: Running balance does not follow from the row before
-- severity: high
-- needs: file_ledger, file_opening
-- proves: The balance after every row is the balance before it plus its amount; before the first row it is the opening balance.
-- do: Look for a row that is missing, inserted or changed at this place in the account.
-- message: After the row on line {line}, the balance is {running_paisa}, but {before_text} ({before_paisa}) and the row ({moved_paisa}) give {expected_paisa}.
with ordered as (
    select
        l.member_id,
        l.line,
        l.amount_paisa,
        l.running_paisa,
        lag(l.line) over rows_of_account as line_before,
        coalesce(lag(l.running_paisa) over rows_of_account, o.balance_paisa, 0) as before_paisa
    from file_ledger as l
    cross join rules as r
    left join file_opening as o on l.member_id = o.member_id
    window rows_of_account as (partition by l.member_id order by case when r.newest_first then -l.line else l.line end)
)

select
    o.member_id,
    -- The chain inside the ledger says nothing about the balance of the account.
    0 as amount_paisa,
    o.running_paisa - o.before_paisa - o.amount_paisa as off_paisa,
    o.line,
    o.running_paisa,
    o.before_paisa,
    o.amount_paisa as moved_paisa,
    o.before_paisa + o.amount_paisa as expected_paisa,
    case when o.line_before is null then 'the opening balance' else 'the balance before' end as before_text,
    'running-balance-file' as cause,
    [{'table': 'ledger', 'id': o.line_before}, {'table': 'ledger', 'id': o.line}] as evidence,
    o.member_id || '/' || o.line as key
from ordered as o
where o.running_paisa <> o.before_paisa + o.amount_paisa
