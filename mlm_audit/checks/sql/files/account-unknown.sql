-- code: account-unknown
-- title: Ledger rows of an account without a balance
-- severity: high
-- needs: file_balances, file_moved
-- proves: Every account in the ledger, and every account with an opening balance, has a balance.
-- do: Find out why the balance export leaves the account out.
-- message: {rows_text} an account that the balances do not have; {what_text} {ledger_paisa}.
select
    l.member_id,
    -sum(l.amount_paisa) as amount_paisa,
    sum(l.amount_paisa) as ledger_paisa,
    case
        when count(l.line) = 0 then 'An opening balance names'
        when count(l.line) = 1 then '1 ledger row names'
        else count(l.line) || ' ledger rows name'
    end as rows_text,
    case
        when count(l.line) = 0 then 'it is'
        when count(l.line) < count(*) then 'with the opening balance they total'
        else 'the rows total'
    end as what_text,
    'unknown-member' as cause,
    [{'table': 'ledger', 'id': min(l.line)}] as evidence
from file_moved as l
where l.member_id not in (select member_id from file_balances)
group by l.member_id
