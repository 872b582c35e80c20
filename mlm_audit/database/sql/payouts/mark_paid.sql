-- Compare and set: only what still has the status becomes paid.
update "SelfPayoutSchedule"
set status = 'paid', "processedAt" = :now, "updatedAt" = :now, "actualAmount" = amount, "failureReason" = null
where id in (:ids) and status = :was
