-- The ledger row with the key of a break's missing line, one per break; is_same: it also has the line's amount and owner.
select
    break_id,
    max(ledger_id) as ledger_id,
    max_by(type, ledger_id) as type,
    max_by(level_depth, ledger_id) as level_depth,
    max_by(reference_id, ledger_id) as reference_id,
    max_by(ref, ledger_id) as ref,
    bool_and(is_same) as is_same
from posted_otherwise
group by break_id
