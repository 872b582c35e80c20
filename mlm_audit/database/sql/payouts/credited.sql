-- Which of these instalments the ledger has a credit of already.
select s.id
from "SelfPayoutSchedule" as s
inner join ledger as l on l.ref = 'SELF_PAYOUT_' || s.id
where s.id in (:ids)
