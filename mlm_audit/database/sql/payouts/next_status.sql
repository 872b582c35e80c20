-- The next of the ways in which statuses are written.
select min(status) from "SelfPayoutSchedule" where status > :after
