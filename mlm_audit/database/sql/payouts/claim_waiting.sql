-- The same, waiting for whoever has claimed them.
select id, "userId", amount, "payoutDate", status, "retryCount", "processedAt", "failureReason", "orderId", instalment
from "SelfPayoutSchedule"
where id in (:ids) and status = :was
order by id
{for_update}
