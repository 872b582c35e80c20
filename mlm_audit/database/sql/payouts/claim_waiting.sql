-- The same, waiting for whoever has claimed them.
select id, status, "userId", amount, "orderId", "retryCount"
from "SelfPayoutSchedule"
where id in (:ids)
order by id
{for_update}
