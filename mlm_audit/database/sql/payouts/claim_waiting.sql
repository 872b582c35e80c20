-- The same, waiting for whoever has claimed them.
select
    s.id, s.status, s."userId", s.amount, s."orderId", s."retryCount",
    (select o.status from "order" as o where o.id = s."orderId") as order_status
from "SelfPayoutSchedule" as s
where s.id in (:ids)
order by s.id
{for_update}
