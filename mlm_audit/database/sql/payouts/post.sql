-- One ledger credit each, under the unique reference SELF_PAYOUT_<id>. balanceAfter continues the member's last ledger row,
-- whatever the wallet says; it stays empty where the platform leaves it empty.
insert into ledger ("userId", type, amount, "referenceId", ref, "balanceAfter", description, "createdAt")
select
    s."userId",
    'self_payout',
    s.amount,
    '' || s.id,
    'SELF_PAYOUT_' || s.id,
    case when last_row."userId" is null then 0 else last_row."balanceAfter" end
        + sum(s.amount) over (partition by s."userId" order by s.id),
    'Self income' || coalesce(', instalment ' || s.instalment || ' of order ' || s."orderId", ''),
    :now
from "SelfPayoutSchedule" as s
left join (
    select "userId", "balanceAfter"
    from ledger
    where id in (
        select max(id)
        from ledger
        where "userId" in (select "userId" from "SelfPayoutSchedule" where id in (:ids))
        group by "userId"
    )
) as last_row on s."userId" = last_row."userId"
where s.id in (:ids)
order by s.id
