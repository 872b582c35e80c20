-- code: record-state
-- title: A record contradicts its own status
-- severity: medium
-- needs: commissions, payout_schedule, withdrawals, orders, ledger
-- requires: none
-- optional: commissions, payout_schedule, withdrawals, orders, ledger
-- determines: commissions.processed_at, commissions.status, commissions.type, payout_schedule.actual_amount_paisa, payout_schedule.amount_paisa, payout_schedule.order_id, payout_schedule.processed_at, payout_schedule.status, withdrawals.amount_paisa, withdrawals.processed_at, withdrawals.status
-- about: issue
-- slices: none
-- local: yes
-- causes: amount-not-positive, decided-without-time, given-up-early, instalment-without-order, joining-not-released, paid-other-amount, paid-without-amount, undecided-with-amount, undecided-with-time
-- follows: none
-- explains: none
-- proves: Decided records have a time of decision and undecided records have none; every joining commission has the status released; the paid amount is the planned amount; every instalment names its order.
-- do: Compare the record with the ledger, and correct the wrong field.
-- message: {table_name} row {row_id} (status {status}) {what}.
with states as (
    select
        'commissions' as table_name,
        id,
        user_id,
        order_id,
        0::BIGINT as amount_paisa,
        status,
        processed_at,
        null::BIGINT as planned_paisa,
        null::BIGINT as actual_paisa,
        case
            when type = 'joining' and status <> 'released' then 'joining-not-released'
            when status in ('released', 'rolled_up') and processed_at is null and k.commissions_processed_at then 'decided-without-time'
            when status = 'pending' and processed_at is not null then 'undecided-with-time'
        end as cause
    from noted_commissions
    cross join kept_columns as k
    union all
    select
        'SelfPayoutSchedule' as table_name,
        id,
        user_id,
        order_id,
        case
            when status = 'paid' then coalesce(actual_amount_paisa, 0) - amount_paisa
            when status = 'permanently_failed' then -amount_paisa
            else 0
        end as amount_paisa,
        status,
        processed_at,
        amount_paisa as planned_paisa,
        actual_amount_paisa as actual_paisa,
        case
            when order_id is null then 'instalment-without-order'
            when status = 'paid' and actual_amount_paisa is null and k.payout_schedule_actual_amount_paisa then 'paid-without-amount'
            when status = 'paid' and actual_amount_paisa <> amount_paisa then 'paid-other-amount'
            when status = 'paid' and processed_at is null and k.payout_schedule_processed_at then 'decided-without-time'
            when status = 'pending' and actual_amount_paisa is not null then 'undecided-with-amount'
            when status = 'pending' and processed_at is not null then 'undecided-with-time'
            when status in ('failed', 'permanently_failed') and processed_at is null and k.payout_schedule_processed_at then 'decided-without-time'
            when status = 'permanently_failed' and processed_at is not null then 'given-up-early'
        end as cause
    from payout_schedule as s
    cross join rules as r
    cross join kept_columns as k
    where
        order_id is null
        or (status = 'paid' and k.payout_schedule_actual_amount_paisa and actual_amount_paisa is distinct from amount_paisa)
        or (status = 'paid' and processed_at is null and k.payout_schedule_processed_at)
        or (status = 'pending' and (actual_amount_paisa is not null or processed_at is not null))
        or (status in ('failed', 'permanently_failed') and processed_at is null and k.payout_schedule_processed_at)
        -- An instalment is given up only after PAYOUT_RETRIES failures, or after a hold of HOLD_DAYS.
        -- The instalments of an order that no longer stands are given up at once.
        or (
            status = 'permanently_failed' and retry_count < r.payout_retries and processed_at > r.held_before
            and order_id not in (select order_id from paid_orders where not stands)
        )
    union all
    select
        'withdrawal_requests' as table_name,
        id,
        user_id,
        null::BIGINT as order_id,
        0::BIGINT as amount_paisa,
        status,
        processed_at,
        null::BIGINT as planned_paisa,
        null::BIGINT as actual_paisa,
        case
            when amount_paisa <= 0 then 'amount-not-positive'
            when status in ('approved', 'rejected') and processed_at is null and k.withdrawals_processed_at then 'decided-without-time'
            when status = 'pending' and processed_at is not null then 'undecided-with-time'
        end as cause
    from withdrawals
    cross join kept_columns as k
    where
        amount_paisa <= 0
        or (status in ('approved', 'rejected') and processed_at is null and k.withdrawals_processed_at)
        or (status = 'pending' and processed_at is not null)
)

select
    s.user_id as member_id,
    s.order_id,
    s.amount_paisa,
    s.table_name,
    s.id as row_id,
    s.status,
    case s.cause
        when 'joining-not-released' then 'is a joining commission, which must be released at once'
        when 'decided-without-time' then 'is decided but has no time of decision'
        when 'undecided-with-time' then 'is undecided but has a time of decision'
        when 'undecided-with-amount' then 'is not paid but has a paid amount'
        when 'paid-without-amount' then 'is paid but has no paid amount'
        when 'paid-other-amount' then 'was paid with an amount that differs from the planned one'
        when 'given-up-early' then 'was given up before its retries or its hold had ended'
        when 'instalment-without-order' then 'names no order'
        else 'has an amount that is not positive'
    end as what,
    case when s.cause in ('paid-other-amount', 'given-up-early', 'instalment-without-order', 'joining-not-released') then 'high' else 'medium' end
        as severity,
    s.cause,
    [{'table': s.table_name, 'id': s.id}] as evidence,
    {
        'table': s.table_name,
        'row_id': s.id,
        'status': s.status,
        'processed_at': s.processed_at,
        'planned_paisa': s.planned_paisa,
        'actual_paisa': s.actual_paisa,
        'credited_paisa': l.credited_paisa
    } as facts,
    s.table_name || '/' || s.id as key
from states as s
left join (
    select reference_id, sum(amount_paisa)::BIGINT as credited_paisa
    from (
        select reference_id, amount_paisa from ledger where type = 'self_payout'
        union all
        select reference_id, amount_paisa from corrections where own_type = 'adjustment' and type = 'self_payout'
    ) as p
    where reference_id in (select id from states where cause = 'paid-other-amount')
    group by reference_id
) as l on s.cause = 'paid-other-amount' and s.id = l.reference_id
where s.cause is not null
