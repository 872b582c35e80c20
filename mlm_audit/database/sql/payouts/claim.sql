-- Lock instalments that nobody else has claimed. Whether they still are what was stated is compared afterwards: with the
-- status as a condition here, a planner may read every instalment of that status.
select id, status, "userId", amount, "orderId", "retryCount"
from "SelfPayoutSchedule"
where id in (:ids)
order by id
{for_update} {skip_locked}
