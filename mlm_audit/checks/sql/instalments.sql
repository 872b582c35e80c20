-- code: instalments
-- title: Self-income instalments differ from their order
-- severity: high
-- needs: orders, payout_schedule
-- proves: Every joining order has its instalments once, for the buyer, with the right amounts.
-- do: Add, remove or mend the instalment before its pay day.
-- message: Order {order_id}, instalment {instalment}: {scheduled_paisa} scheduled, {expected_paisa} expected.
select
    member_id,
    order_id,
    scheduled_paisa - amount_paisa as amount_paisa,
    instalment,
    scheduled_paisa,
    amount_paisa as expected_paisa,
    case fault
        when 'missing' then 'instalment-missing'
        when 'twice' then 'instalment-doubled'
        when 'unexpected' then 'instalment-unexpected'
        when 'beneficiary' then 'wrong-beneficiary'
        else 'instalment-amount'
    end as cause,
    [{'table': 'SelfPayoutSchedule', 'id': first_schedule_id}, {'table': 'SelfPayoutSchedule', 'id': last_schedule_id}]
        as evidence,
    order_id || '/' || instalment as key
from instalment_faults
