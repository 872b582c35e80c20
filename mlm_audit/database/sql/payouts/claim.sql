-- Lock instalments that nobody else has claimed, or, without the last words, wait for them. Whether they still are what was stated is compared afterwards: with the
-- status as a condition here, a planner may read every instalment of that status.
-- The order is a sub-query, never a join: a row that SKIP LOCKED skips would look like one that is missing.
select
    s.id, s.status, s."userId", s.amount, s."orderId", s."retryCount",
    (select o.status from "order" as o where o.id = s."orderId") as order_status
from "SelfPayoutSchedule" as s
where s.id in (:ids)
order by s.id
{for_update} {skip_locked}
