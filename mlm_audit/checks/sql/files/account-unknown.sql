-- code: account-unknown
-- title: Ledger rows of an account without a balance
-- severity: high
-- needs: file_balances, file_ledger
-- proves: Every account in the ledger has a balance.
-- do: Find out why the balance export leaves the account out.
-- message: {rows} ledger rows, {amount_paisa} in total, name an account that the balances do not have.
select
    l.member_id,
    -sum(l.amount_paisa) as amount_paisa,
    count(*) as rows,
    'unknown-member' as cause,
    [{'table': 'ledger', 'id': min(l.line)}] as evidence
from file_ledger as l
where l.member_id not in (select member_id from file_balances)
group by l.member_id
