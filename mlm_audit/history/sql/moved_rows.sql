-- Every ledger row that changed between {before} and {after}. {inside} selects the rows that must have been there before;
-- {same} is true when both rows are equal.
select
    coalesce(b.id, a.id) as ledger_id,
    coalesce(b.user_id, a.user_id) as member_id,
    case when a.id is null then 'deleted' when b.id is null then 'inserted' else 'edited' end as change,
    b.amount_paisa as before_paisa,
    a.amount_paisa as after_paisa,
    case when b.id is not null then {before_row} end as before_row,
    case when a.id is not null then {after_row} end as after_row,
    'Ledger row ' || ledger_id || ' was ' || change || ' {since}' as what,
    ledger_id::VARCHAR as key
from {before} as b full outer join {after} as a on a.id = b.id
where (b.id is null and ({inside})) or (b.id is not null and (a.id is null or not ({same})))
