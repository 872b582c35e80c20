-- code: ledger-type
-- title: An unknown type of ledger row
-- severity: low
-- needs: ledger
-- requires: none
-- optional: none
-- determines: ledger.type
-- about: issue
-- slices: none
-- local: yes
-- causes: unknown-ledger-type
-- follows: row
-- explains: none
-- proves: Every ledger row is of a type that the checks know.
-- do: Find out what this type means; a check for it can be added as a file.
-- message: The balances include {rows_text} of type {type}, {amount_paisa} in total, but no check covers this type.
select
    null::BIGINT as member_id,
    sum(l.amount_paisa)::BIGINT as amount_paisa,
    coalesce(l.type, '(none)') as type,
    case when count(*) = 1 then '1 ledger row' else count(*) || ' ledger rows' end as rows_text,
    'unknown-ledger-type' as cause,
    [{'table': 'ledger', 'id': min(l.id)}] as evidence,
    coalesce(l.type, '(none)') as key
from ledger as l
left join ledger_types as t on l.type = t.type
where t.type is null
group by l.type
