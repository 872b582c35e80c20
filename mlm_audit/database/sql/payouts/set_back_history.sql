-- The attempt, with its reason; an amount that is no positive number counts as nothing here.
insert into "PayoutHistory" ("userId", amount, type, status, description, metadata, "createdAt")
select
    "userId",
    case when amount > 0 and amount = cast(amount as {integer}) then amount else 0 end,
    'self_payout',
    'failed',
    :reason,
    {json_object}('scheduleId', id, 'jobId', '' || :job_id, 'reason', '' || :reason, 'to', '' || :to_status),
    :now
from "SelfPayoutSchedule"
where id in (:ids)
