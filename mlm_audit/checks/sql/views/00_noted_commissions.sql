-- Commission records that a check must examine one by one, found in one pass: an unknown type or status, a status that contradicts
-- the time of decision, a joining commission that is not released, or a decision older than the record.
select *
from commissions
where
    type is null
    or type not in (select word from known_words where input = 'commissions' and column_name = 'type')
    or status is null
    or status not in (select word from known_words where input = 'commissions' and column_name = 'status')
    or (type = 'joining' and status <> 'released')
    or (status = 'pending') <> (processed_at is null)
    or epoch_us(processed_at) < epoch_us(created_at) - 3600000000
