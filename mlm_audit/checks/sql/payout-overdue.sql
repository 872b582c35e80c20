-- code: payout-overdue
-- title: Instalments are overdue
-- severity: medium
-- needs: payout_schedule, ledger
-- requires: ledger.reference_id
-- optional: none
-- determines: payout_schedule.payout_date, payout_schedule.status
-- about: issue
-- slices: none
-- local: yes
-- causes: payout-overdue
-- follows: none
-- explains: none
-- proves: Every due instalment is paid, held with a reason, or given up, within PAYOUT_OVERDUE_DAYS of its due date.
-- do: Run `mlm-audit run weekly-payouts --dry-run` to see what would be paid and what is held; then run the payouts.
-- message: {what}: {overdue_paisa}.
with overdue as (
    select
        s.id,
        s.user_id,
        s.order_id,
        s.amount_paisa,
        s.payout_date,
        (epoch_us(r.read_at) - epoch_us(s.payout_date)) // 86400000000 as days,
        count(*) over () as all_overdue
    from payout_schedule as s
    cross join rules as r
    where
        -- An instalment that the ledger has already paid is not overdue but wrongly marked. The check payout-ledger reports it.
        s.id not in (select schedule_id from payout_faults where schedule_id is not null)
        and (
            (s.status = 'pending' and s.payout_date < r.overdue_before)
            or (s.status = 'failed' and s.payout_date < r.held_too_long_before)
        )
)

select
    user_id as member_id,
    order_id,
    -amount_paisa as amount_paisa,
    amount_paisa as overdue_paisa,
    'Instalment ' || id || ' has been due for ' || days || case when days = 1 then ' day' else ' days' end as what,
    'payout-overdue' as cause,
    [{'table': 'SelfPayoutSchedule', 'id': id}] as evidence,
    id || '' as key
from overdue
where all_overdue <= 50
union all
select
    null::BIGINT as member_id,
    null::BIGINT as order_id,
    -sum(amount_paisa)::BIGINT as amount_paisa,
    sum(amount_paisa)::BIGINT as overdue_paisa,
    count(*) || ' instalments of ' || count(distinct user_id) || case when count(distinct user_id) = 1 then ' member' else ' members' end
    || ' have been due for up to ' || max(days) || case when max(days) = 1 then ' day' else ' days' end as what,
    'payout-overdue' as cause,
    [{'table': 'SelfPayoutSchedule', 'id': min(id)}, {'table': 'SelfPayoutSchedule', 'id': max(id)}] as evidence,
    'all' as key
from overdue
where all_overdue > 50
having count(*) > 0
