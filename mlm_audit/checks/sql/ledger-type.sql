-- code: ledger-type
-- title: A kind of ledger row that nobody knows
-- severity: low
-- needs: ledger
-- determines: ledger.type
-- about: issue
-- slices: none
-- local: yes
-- causes: unknown-ledger-type
-- proves: Every ledger row is of a kind that the checks understand.
-- do: Tell what this kind means; a check for it can be added as a file.
-- message: {rows} ledger rows of type {type}, {amount_paisa} in total, are counted in the balances but explained by no check.
select
    null::BIGINT as member_id,
    sum(l.amount_paisa)::BIGINT as amount_paisa,
    coalesce(l.type, '(none)') as type,
    count(*) as rows,
    'unknown-ledger-type' as cause,
    [{'table': 'ledger', 'id': min(l.id)}] as evidence,
    coalesce(l.type, '(none)') as key
from ledger as l
left join ledger_types as t on l.type = t.type
where t.type is null
group by l.type
