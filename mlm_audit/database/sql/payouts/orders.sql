-- The statuses of the orders of claimed instalments. Never a join of the locking query: a row that SKIP LOCKED skips would
-- look like one that is missing.
select o.id, o.status
from "order" as o
where o.id in (select "orderId" from "SelfPayoutSchedule" where id in (:ids))
