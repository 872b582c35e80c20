-- The proof of a run: of these instalments, how many are marked paid and credited, and what the ledger adds up to. The
-- look-ups are by id and by reference alone: with more conditions, a planner may read every payout ever made.
select count(amount), coalesce(sum(amount), 0)
from (
    select (
        select case when folded(l.type) = 'self_payout' and l."userId" = s."userId" then l.amount end
        from ledger as l
        where l.ref = 'SELF_PAYOUT_' || s.id
    ) as amount
    from "SelfPayoutSchedule" as s
    where s.id in (:ids) and folded(s.status) = 'paid'
) as credits
