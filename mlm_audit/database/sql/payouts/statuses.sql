-- What the statuses of these instalments are now.
select id, status
from "SelfPayoutSchedule"
where id in (:ids)
