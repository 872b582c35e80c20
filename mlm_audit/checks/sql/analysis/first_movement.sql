-- The start of the books: the time of the first paid order or ledger row; null without either.
select min(moment) as first_at
from (
    select min(paid_at) as moment from orders
    union all
    select min(created_at) as moment from ledger
) as both_of_them
