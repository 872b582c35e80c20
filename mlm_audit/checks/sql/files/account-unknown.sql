-- code: account-unknown
-- title: Ledger rows of an account without a balance
-- severity: high
-- needs: file_balances, file_ledger
-- proves: Every account in the ledger has a balance.
-- do: Find out why the balance export leaves the account out.
-- message: {rows_text} an account that the balances do not have; the rows total {ledger_paisa}.
select
    l.member_id,
    -sum(l.amount_paisa) as amount_paisa,
    sum(l.amount_paisa) as ledger_paisa,
    case when count(*) = 1 then '1 ledger row names' else count(*) || ' ledger rows name' end as rows_text,
    'unknown-member' as cause,
    [{'table': 'ledger', 'id': min(l.line)}] as evidence
from file_ledger as l
where l.member_id not in (select member_id from file_balances)
group by l.member_id
