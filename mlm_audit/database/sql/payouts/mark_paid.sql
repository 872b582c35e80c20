-- Compare and set: only what still has the status becomes paid. (coalesce keeps a planner from looking it up by status.)
update "SelfPayoutSchedule"
set status = 'paid', "processedAt" = :now, "updatedAt" = :now, "actualAmount" = amount, "failureReason" = null
where id in (:ids) and coalesce(status, '') = :was
