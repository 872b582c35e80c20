-- code: paid-while-held
-- title: A member was paid while an earlier instalment was held
-- severity: medium
-- needs: payout_schedule, users
-- requires: none
-- optional: none
-- determines: payout_schedule.status, users.is_active, users.is_blocked, users.is_kyc_approved
-- about: issue
-- slices: none
-- local: yes
-- causes: paid-while-held
-- follows: none
-- explains: none
-- proves: After an instalment fell due that is still held (KYC not approved, blocked or inactive), its member was paid no other instalment. The platform keeps no history of these flags, so a payment is also found if the member qualified on that day only.
-- do: Ask whether the member qualified on the day of the payment. If so, nothing is wrong; if not, find out who paid the instalment, and hold the others until that is clear.
-- message: Instalment {schedule_id} of member {member_id} ({paid_paisa}) was paid, although instalment {held_id} was due earlier and is still held.
with held as (
    select user_id, min(payout_date) as since, min(id) as held_id
    from payout_schedule
    where status = 'failed' and retry_count = 0 and payout_date is not null
    group by user_id
)

select
    p.user_id as member_id,
    p.order_id,
    coalesce(p.actual_amount_paisa, p.amount_paisa) as amount_paisa,
    coalesce(p.actual_amount_paisa, p.amount_paisa) as paid_paisa,
    p.id as schedule_id,
    h.held_id,
    'paid-while-held' as cause,
    [{'table': 'SelfPayoutSchedule', 'id': p.id}, {'table': 'SelfPayoutSchedule', 'id': h.held_id}] as evidence,
    p.id as key
from held as h
inner join (
    select id
    from users
    where not (is_active and not is_blocked and (is_kyc_approved or not (select payouts_need_kyc from rules)))
) as u on h.user_id = u.id
inner join payout_schedule as p on h.user_id = p.user_id
where p.status = 'paid' and p.payout_date >= h.since and p.processed_at >= h.since and p.id <> h.held_id
