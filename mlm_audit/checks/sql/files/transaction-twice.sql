-- code: transaction-twice
-- title: A transaction is in the ledger twice
-- severity: high
-- needs: file_ledger
-- proves: Every transaction id occurs once in the ledger.
-- do: Find out whether the rows are one posting that was exported twice, or several postings with the same id.
-- message: Transaction {transaction_id} is on {rows} rows of the ledger{accounts_text}; all but the first total {more_paisa}.
select
    first(l.member_id order by l.line) as member_id,
    -- The difference that it makes is a part of the break of the account.
    0 as amount_paisa,
    sum(l.amount_paisa) - first(l.amount_paisa order by l.line) as more_paisa,
    l.transaction_id,
    count(*) as rows,
    case when count(distinct l.member_id) > 1 then ', of ' || count(distinct l.member_id) || ' accounts' else '' end as accounts_text,
    'transaction-twice' as cause,
    [{'table': 'ledger', 'id': min(l.line)}, {'table': 'ledger', 'id': max(l.line)}] as evidence,
    l.transaction_id as key
from file_ledger as l
group by l.transaction_id
having count(*) > 1
