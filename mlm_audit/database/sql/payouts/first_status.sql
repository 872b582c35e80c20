-- The first of the ways in which statuses are written, through the index on them.
select min(status) from "SelfPayoutSchedule"
