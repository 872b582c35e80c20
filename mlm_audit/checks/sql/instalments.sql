-- code: instalments
-- title: Self-income instalments differ from their order
-- severity: high
-- needs: orders, payout_schedule, payout_history
-- determines: orders.commission_amount_paisa, orders.is_joining_order, orders.user_id, payout_schedule.(row), payout_schedule.amount_paisa, payout_schedule.instalment, payout_schedule.order_id, payout_schedule.user_id
-- proves: Every joining order has its instalments once, for the buyer, with the right amounts.
-- do: Add, remove or correct the instalment before its pay day, as `mlm-audit remedy show` says.
-- message: Order {order_id}, instalment {instalment}: {scheduled_paisa} scheduled, {expected_paisa} expected.
select
    f.member_id,
    f.order_id,
    f.scheduled_paisa - f.amount_paisa as amount_paisa,
    f.instalment,
    f.scheduled_paisa,
    f.amount_paisa as expected_paisa,
    case f.fault
        when 'missing' then 'instalment-missing'
        when 'twice' then 'instalment-doubled'
        when 'unexpected' then 'instalment-unexpected'
        when 'beneficiary' then 'wrong-beneficiary'
        else 'instalment-amount'
    end as cause,
    [
        {'table': 'SelfPayoutSchedule', 'id': f.first_schedule_id}, {'table': 'SelfPayoutSchedule', 'id': f.last_schedule_id},
        {'table': 'order', 'id': f.order_id}
    ] as evidence,
    {
        'instalment': f.instalment,
        'due_paisa': f.amount_paisa,
        'scheduled_paisa': f.scheduled_paisa,
        'paid_at': o.paid_at,
        'days': f.instalment::BIGINT * v.interval_days,
        'first_id': a.id,
        'first_status': a.status,
        'last_id': z.id,
        'last_status': z.status,
        'last_paisa': z.amount_paisa,
        'last_user_id': z.user_id,
        'history_id': h.history_id,
        'history_paisa': h.history_paisa
    } as facts,
    f.order_id || '/' || f.instalment as key
from instalment_faults as f
left join payout_schedule as a on f.first_schedule_id = a.id
left join payout_schedule as z on f.last_schedule_id = z.id
left join (
    select schedule_id, max(id) as history_id, max(amount_paisa) as history_paisa
    from payout_history
    where type = 'self_payout' and status = 'completed' and schedule_id in (select last_schedule_id from instalment_faults)
    group by schedule_id
    having count(*) = 1
) as h
    on f.last_schedule_id = h.schedule_id
left join paid_orders as o on f.order_id = o.order_id
left join plan_versions as v on o.version_no = v.version_no
