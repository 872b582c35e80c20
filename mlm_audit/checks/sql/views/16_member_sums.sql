-- The sum of the ledger per member, unknown members included.
select
    user_id,
    sum(amount_paisa)::BIGINT as ledger_paisa
from ledger
where user_id is not null
group by user_id
