-- code: instalment-date
-- title: An instalment is due on the wrong day
-- severity: medium
-- needs: orders, payout_schedule
-- requires: none
-- optional: none
-- determines: orders.paid_at, payout_schedule.instalment, payout_schedule.order_id, payout_schedule.payout_date
-- about: issue
-- slices: order
-- local: yes
-- causes: due-date-missing, due-date-wrong
-- follows: order-date, row
-- explains: none
-- proves: Every instalment is due the plan's number of days after the order was paid, within one day.
-- do: Correct the due date before the next payout run.
-- message: Instalment {schedule_id} of order {order_id} {what}.
select
    s.user_id as member_id,
    s.order_id,
    0::BIGINT as amount_paisa,
    s.id as schedule_id,
    case
        when s.payout_date is null then 'has no due date'
        else 'is due ' || abs((epoch_us(s.payout_date) - epoch_us(o.paid_at)) // 86400000000 - s.instalment::BIGINT * v.interval_days)
            || case
                when abs((epoch_us(s.payout_date) - epoch_us(o.paid_at)) // 86400000000 - s.instalment::BIGINT * v.interval_days) = 1 then ' day'
                else ' days'
            end
            || case
                when epoch_us(s.payout_date) - epoch_us(o.paid_at) > s.instalment::BIGINT * v.interval_days * 86400000000 then ' after'
                else ' before'
            end
            || ' the plan''s date'
    end as what,
    case when s.payout_date is null then 'due-date-missing' else 'due-date-wrong' end as cause,
    [{'table': 'SelfPayoutSchedule', 'id': s.id}] as evidence,
    {
        'schedule_id': s.id,
        'payout_date': s.payout_date,
        'paid_at': o.paid_at,
        'days': s.instalment::BIGINT * v.interval_days
    } as facts,
    s.id as key
from payout_schedule as s
inner join paid_orders as o on s.order_id = o.order_id
inner join plan_versions as v on o.version_no = v.version_no
-- An instalment that the order does not provide for has no due date, and another check reports it.
where
    o.is_joining
    and s.instalment between 1 and v.instalments
    and (
        s.payout_date is null
        or abs(epoch_us(s.payout_date) - epoch_us(o.paid_at) - s.instalment::BIGINT * v.interval_days * 86400000000) >= 86400000000
    )
