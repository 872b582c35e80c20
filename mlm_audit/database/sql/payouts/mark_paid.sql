-- Compare and set: only what still has the status becomes paid. (The expression keeps a planner from looking it up by status.)
update "SelfPayoutSchedule"
set status = 'paid', "processedAt" = :now, "updatedAt" = :now, "actualAmount" = amount, "failureReason" = null
where id in (:ids) and folded(status) = :was
