-- What the member is told about each payout; metadata names the instalment and the run.
insert into "PayoutHistory" ("userId", amount, type, status, description, metadata, "createdAt")
select
    "userId",
    amount,
    'self_payout',
    'completed',
    'Self income credited',
    {json_object}('scheduleId', id, 'jobId', '' || :job_id),
    :now
from "SelfPayoutSchedule"
where id in (:ids)
