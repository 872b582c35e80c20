-- The proof of a run: of these instalments, how many are marked paid and credited, and what the ledger adds up to.
select
    count(*),
    coalesce(sum(case when l.type = 'self_payout' and l."userId" = s."userId" then l.amount else 0 end), 0)
from "SelfPayoutSchedule" as s
inner join ledger as l on l.ref = 'SELF_PAYOUT_' || s.id
where s.id in (:ids) and s.status = 'paid'
