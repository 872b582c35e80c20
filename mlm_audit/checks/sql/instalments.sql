-- code: instalments
-- title: Self-income instalments differ from their order
-- severity: high
-- needs: orders, payout_schedule, payout_history, ledger
-- requires: ledger.reference_id
-- optional: payout_history
-- determines: orders.commission_amount_paisa, orders.is_joining_order, orders.user_id, payout_schedule.(row), payout_schedule.amount_paisa, payout_schedule.instalment, payout_schedule.order_id, payout_schedule.user_id
-- about: order
-- slices: order, payout
-- local: yes
-- causes: instalment-amount, instalment-doubled, instalment-misnamed, instalment-missing, instalment-unexpected, wrong-beneficiary
-- follows: order, buyer, row
-- explains: line
-- proves: Every joining order has its instalments once, for the buyer, with the right amounts.
-- do: Add, remove or correct the instalment before its payout date, as `mlm-audit remedy show` says.
-- message: Order {order_id}, instalment {instalment}: {scheduled_paisa} is scheduled, {expected_paisa} is expected.
with strays as (
    -- Rows that differ from what their order provides for, or whose order does not exist.
    select s.id, s.order_id, s.instalment, s.user_id, s.amount_paisa, s.payout_date
    from payout_schedule as s
    left join (select id from orders) as o on s.order_id = o.id
    left join (select order_id, instalment from instalment_faults where fault in ('twice', 'unexpected', 'beneficiary')) as f
        on s.order_id = f.order_id and s.instalment is not distinct from f.instalment
    where
        s.user_id in (select member_id from instalment_faults where fault = 'missing')
        and (o.id is null or f.order_id is not null)
),

fitting as (
    select
        f.order_id,
        f.instalment as missing_instalment,
        s.id,
        s.order_id as stray_order_id,
        s.instalment,
        f.order_id is not distinct from s.order_id as is_same_order,
        coalesce(
            abs(epoch_us(s.payout_date) - epoch_us(o.paid_at) - f.instalment::BIGINT * v.interval_days * 86400000000) < 86400000000,
            false
        ) as is_due_then
    from instalment_faults as f
    inner join strays as s
        on f.member_id = s.user_id and f.amount_paisa = s.amount_paisa
        and (f.order_id = s.order_id or f.instalment = s.instalment)
    left join (select * from paid_orders where order_id in (select order_id from instalment_faults)) as o on f.order_id = o.order_id
    left join plan_versions as v on o.version_no = v.version_no
    where f.fault = 'missing'
),

-- The row that is an order's missing instalment: one that names another order, otherwise one that names another number; of several,
-- the one with the due date of the missing instalment.
found as (
    select
        order_id,
        missing_instalment,
        max(id) as id,
        max_by(stray_order_id, id) as stray_order_id,
        max_by(instalment, id) as instalment
    from fitting
    where not is_same_order
    group by order_id, missing_instalment
    having count(*) = 1
    union all
    select
        order_id,
        missing_instalment,
        coalesce(max(case when is_due_then then id end), max(id)) as id,
        max(stray_order_id) as stray_order_id,
        coalesce(max_by(instalment, case when is_due_then then id end), max_by(instalment, id)) as instalment
    from fitting
    where
        is_same_order and order_id not in (select order_id from fitting where not is_same_order)
        and id in (select id from fitting group by id having count(*) = 1)
    group by order_id, missing_instalment
)

select
    f.member_id,
    f.order_id,
    f.scheduled_paisa - f.amount_paisa as amount_paisa,
    f.instalment,
    f.scheduled_paisa,
    f.amount_paisa as expected_paisa,
    case
        when s.id is not null then 'instalment-misnamed'
        when f.fault = 'missing' then 'instalment-missing'
        when f.fault = 'twice' then 'instalment-doubled'
        when f.fault = 'unexpected' then 'instalment-unexpected'
        when f.fault = 'beneficiary' then 'wrong-beneficiary'
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
        'last_actual_paisa': z.actual_amount_paisa,
        'history_id': h.history_id,
        'history_paisa': h.history_paisa,
        'history_user_id': h.history_user_id,
        'ledger_id': l.ledger_id,
        'holder_id': l.holder_id,
        'credited_paisa': coalesce(l.credited_paisa, 0)::BIGINT,
        'of_order_id': t.order_id,
        'stray_id': s.id,
        'stray_order_id': s.stray_order_id,
        'stray_instalment': s.instalment
    } as facts,
    f.order_id || '/' || f.instalment as key
from instalment_faults as f
left join found as s on f.order_id = s.order_id and f.instalment = s.missing_instalment and f.fault = 'missing'
left join (select * from payout_schedule where id in (select first_schedule_id from instalment_faults)) as a on f.first_schedule_id = a.id
left join (select * from payout_schedule where id in (select last_schedule_id from instalment_faults)) as z on f.last_schedule_id = z.id
left join (
    select schedule_id, max(id) as history_id, max(amount_paisa) as history_paisa, max(user_id) as history_user_id
    from payout_history
    where type = 'self_payout' and status = 'completed' and schedule_id in (select last_schedule_id from instalment_faults)
    group by schedule_id
    having count(*) = 1
) as h
    on f.last_schedule_id = h.schedule_id
left join (
    select
        reference_id,
        max(case when amount_paisa > 0 then id end) as ledger_id,
        max_by(user_id, case when amount_paisa > 0 then id end) as holder_id,
        sum(amount_paisa)::BIGINT as credited_paisa
    from ledger
    where type = 'self_payout' and reference_id in (select last_schedule_id from instalment_faults)
    group by reference_id
) as l
    on f.last_schedule_id = l.reference_id
-- The only joining order of the member whom the instalment names, if that order has a fault in the same instalment.
left join (
    select o.user_id, min(o.id) as order_id, i.instalment, min(i.amount_paisa) as amount_paisa
    from orders as o
    inner join instalment_faults as i on o.id = i.order_id
    where o.is_joining_order
    group by o.user_id, i.instalment
    having count(distinct o.id) = 1
) as t
    on f.fault = 'beneficiary' and z.user_id = t.user_id and f.instalment = t.instalment and f.order_id <> t.order_id
    and z.amount_paisa = t.amount_paisa and z.amount_paisa <> f.amount_paisa
left join (select * from paid_orders where order_id in (select order_id from instalment_faults)) as o on f.order_id = o.order_id
left join plan_versions as v on o.version_no = v.version_no
