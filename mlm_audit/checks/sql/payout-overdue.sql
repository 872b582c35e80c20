-- code: payout-overdue
-- title: Instalments are overdue
-- severity: medium
-- needs: payout_schedule, ledger
-- determines: payout_schedule.payout_date, payout_schedule.status
-- about: issue
-- slices: none
-- local: yes
-- causes: payout-overdue
-- proves: Every due instalment is paid, held with a reason, or given up, within PAYOUT_OVERDUE_DAYS of its due date.
-- do: Run `mlm-audit run weekly-payouts --dry-run` and see what it would pay and what holds it; then run the payouts.
-- message: {what} for {days} days at the longest: {overdue_paisa}.
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
        -- What the ledger has already paid is not overdue but badly marked: payout-ledger says so.
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
    days,
    'Instalment ' || id || ' has been due' as what,
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
    max(days) as days,
    count(*) || ' instalments of ' || count(distinct user_id) || ' members have been due' as what,
    'payout-overdue' as cause,
    [{'table': 'SelfPayoutSchedule', 'id': min(id)}, {'table': 'SelfPayoutSchedule', 'id': max(id)}] as evidence,
    'all' as key
from overdue
where all_overdue > 50
having count(*) > 0
