-- One notice to each member, under a unique key; it leaves after the money has moved.
insert into "AuditNotice" ("noticeKey", kind, "userId", context, status, attempts, "createdAt", "nextAttemptAt")
select
    'payout-credited/' || id,
    'payout-credited',
    "userId",
    {json_object}('schedule_id', id, 'amount_paisa', amount, 'order_id', "orderId", 'instalment', instalment),
    'queued',
    0,
    :now,
    :now
from "SelfPayoutSchedule"
where id in (:ids)
