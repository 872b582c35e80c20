-- code: balance-ledger
-- title: Balance differs from the ledger
-- severity: high
-- needs: file_balances, file_ledger, file_opening
-- proves: Every account's balance is its opening balance plus the sum of its ledger rows; without rows, the sum is zero.
-- do: Compare the account's rows one by one with its statements; if many accounts are off by the same small amount, check the rounding.
-- message: The balance is {balance_paisa} and {sum_text} up to {ledger_paisa}: {off_paisa} {direction}.
with sums as (
    select
        member_id,
        sum(amount_paisa) as ledger_paisa,
        count(*) as ledger_rows,
        max(line) as last_line
    from file_ledger
    group by member_id
),

expected as (
    select
        b.member_id,
        b.line,
        b.balance_paisa,
        coalesce(s.ledger_paisa, 0) + coalesce(o.balance_paisa, 0) as ledger_paisa,
        s.ledger_rows,
        s.last_line,
        o.member_id is not null as has_opening
    from file_balances as b
    left join sums as s on b.member_id = s.member_id
    left join file_opening as o on b.member_id = o.member_id
)

select
    e.member_id,
    e.balance_paisa - e.ledger_paisa as amount_paisa,
    e.balance_paisa,
    e.ledger_paisa,
    abs(e.balance_paisa - e.ledger_paisa) as off_paisa,
    case when e.has_opening then 'the opening balance and the ledger add' else 'the ledger adds' end as sum_text,
    case when e.balance_paisa > e.ledger_paisa then 'more than the ledger' else 'less than the ledger' end as direction,
    case
        when abs(e.balance_paisa - e.ledger_paisa) > r.critical_wallet_paisa then 'critical'
        when abs(e.balance_paisa - e.ledger_paisa) <= r.correction_max_paisa then 'low'
        else 'high'
    end as severity,
    'balance-differs' as cause,
    [{'table': 'balances', 'id': e.line, 'balance_paisa': e.balance_paisa, 'ledger_rows': null::BIGINT},
        {'table': 'ledger', 'id': e.last_line, 'balance_paisa': e.ledger_paisa, 'ledger_rows': e.ledger_rows}] as evidence
from expected as e
cross join rules as r
where e.balance_paisa <> e.ledger_paisa
