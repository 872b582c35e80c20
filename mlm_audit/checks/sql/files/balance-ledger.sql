-- code: balance-ledger
-- title: Balance differs from the ledger
-- severity: high
-- needs: file_balances, file_ledger
-- proves: Every account's balance is the sum of its ledger rows; an account without rows has a sum of zero.
-- do: Compare the account's rows one by one with its statements; if many accounts are off by the same small amount, check the rounding.
-- message: The balance is {balance_paisa} and the ledger adds up to {ledger_paisa}: {off_paisa} {direction}.
with sums as (
    select
        member_id,
        sum(amount_paisa) as ledger_paisa,
        count(*) as ledger_rows,
        max(line) as last_line
    from file_ledger
    group by member_id
)

select
    b.member_id,
    b.balance_paisa - coalesce(s.ledger_paisa, 0) as amount_paisa,
    b.balance_paisa,
    coalesce(s.ledger_paisa, 0) as ledger_paisa,
    abs(b.balance_paisa - coalesce(s.ledger_paisa, 0)) as off_paisa,
    case when b.balance_paisa > coalesce(s.ledger_paisa, 0) then 'more than the ledger' else 'less than the ledger' end as direction,
    case
        when abs(b.balance_paisa - coalesce(s.ledger_paisa, 0)) > r.critical_wallet_paisa then 'critical'
        when abs(b.balance_paisa - coalesce(s.ledger_paisa, 0)) <= r.correction_max_paisa then 'low'
        else 'high'
    end as severity,
    'balance-differs' as cause,
    [{'table': 'balances', 'id': b.line, 'balance_paisa': b.balance_paisa, 'ledger_rows': null::BIGINT},
        {'table': 'ledger', 'id': s.last_line, 'balance_paisa': s.ledger_paisa, 'ledger_rows': s.ledger_rows}] as evidence
from file_balances as b
cross join rules as r
left join sums as s on b.member_id = s.member_id
where b.balance_paisa <> coalesce(s.ledger_paisa, 0)
