-- Held, broken or given up: all of these instalments go to the same state, for the same reason.
update "SelfPayoutSchedule"
set
    status = :to_status, "retryCount" = :retry_count, "processedAt" = :failed_since, "failureReason" = :reason, "updatedAt" = :now
where id in (:ids) and folded(status) = :was
