-- Flags of members, without a lock: for stating what a run will pay.
select id, "isActive", "isBlocked", "isKycApproved"
from users
where id in (:ids)
