-- What is due, the oldest first.
select
    id, status, "userId", amount, "orderId", "retryCount", "payoutDate", "processedAt", "failureReason", instalment
from "SelfPayoutSchedule"
where status = :status and "payoutDate" <= :as_of
order by "payoutDate", id
limit :limit
