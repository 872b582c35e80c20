-- what: payouts in the ledger name an instalment that exists
-- needs: ledger, payout_schedule
-- next: compare the patterns of the mapping with the keys of the payouts
select
    count(*) as total,
    coalesce(sum(case when s.id is not null then 1 else 0 end), 0) as good
from ledger as l
left join payout_schedule as s on l.reference_id = s.id
where l.type = 'self_payout'
