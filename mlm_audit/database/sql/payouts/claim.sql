-- Lock those instalments that still have the status and that nobody else has claimed.
select id, "userId", amount, "payoutDate", status, "retryCount", "processedAt", "failureReason", "orderId", instalment
from "SelfPayoutSchedule"
where id in (:ids) and status = :was
order by id
{for_update} {skip_locked}
