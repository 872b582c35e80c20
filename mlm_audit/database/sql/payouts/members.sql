-- Lock the members of claimed instalments, in the order of their ids: two batches with members in common wait for each other.
select id, "isActive", "isBlocked", "isKycApproved"
from users
where id in (select "userId" from "SelfPayoutSchedule" where id in (:ids))
order by id
{for_update}
