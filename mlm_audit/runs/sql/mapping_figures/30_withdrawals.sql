-- what: withdrawal debits name a request that exists
-- needs: ledger, withdrawals
-- next: compare the patterns of the mapping with the keys of the debits
select
    count(*) as total,
    coalesce(sum(case when w.id is not null then 1 else 0 end), 0) as good
from ledger as l
left join withdrawals as w on l.reference_id = w.id
where l.type = 'withdrawal'
