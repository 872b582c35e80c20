-- code: field-missing
-- title: A required field is empty
-- severity: high
-- needs: users, orders, ledger, commissions, withdrawals, payout_schedule, payout_history, commission_rollups, eligibility_log, monthly_stats
-- determines: none
-- about: issue
-- slices: none
-- local: yes
-- causes: field-missing
-- follows: row
-- explains: none
-- proves: No amount, owner, kind, status or time that a check depends on is empty.
-- do: Fill the field from the source records of the row, or remove the row; until then nothing that depends on it is proven.
-- message: {table_name} row {row_id} has no {field}.
with empty as (
    select
        'users' as table_name,
        id as id,
        id as user_id,
        null::BIGINT as order_id,
        case
            when role is null then 'role'
            when is_active is null then 'isActive'
            when is_blocked is null then 'isBlocked'
            when is_kyc_approved is null then 'isKycApproved'
            when wallet_balance_paisa is null then 'walletBalance'
            when monthly_purchase_paisa is null then 'monthlyPurchase'
            when last_month_purchase_paisa is null then 'lastMonthPurchase'
            when created_at is null then 'createdAt'
        end as field
    from users
    where
        role is null
        or is_active is null
        or is_blocked is null
        or is_kyc_approved is null
        or wallet_balance_paisa is null
        or monthly_purchase_paisa is null
        or last_month_purchase_paisa is null
        or created_at is null
    union all
    select
        'order' as table_name,
        id as id,
        user_id as user_id,
        id as order_id,
        case
            when user_id is null then 'userId'
            when total_paisa is null then 'total'
            when commission_amount_paisa is null then 'commissionAmount'
            when status is null then 'status'
            when is_joining_order is null then 'isJoiningOrder'
            when created_at is null then 'createdAt'
        end as field
    from orders
    where
        user_id is null
        or total_paisa is null
        or commission_amount_paisa is null
        or status is null
        or is_joining_order is null
        or created_at is null
    union all
    select
        'ledger' as table_name,
        id as id,
        user_id as user_id,
        null::BIGINT as order_id,
        case
            when type is null then 'type'
            when amount_paisa is null then 'amount'
            when created_at is null then 'createdAt'
        end as field
    from noted_rows
    where
        type is null
        or amount_paisa is null
        or created_at is null
    union all
    select
        'commissions' as table_name,
        id as id,
        user_id as user_id,
        order_id as order_id,
        case
            when user_id is null then 'userId'
            when amount_paisa is null then 'amount'
            when type is null then 'type'
            when status is null then 'status'
            when created_at is null then 'createdAt'
        end as field
    from commissions
    where
        user_id is null
        or amount_paisa is null
        or type is null
        or status is null
        or created_at is null
    union all
    select
        'withdrawal_requests' as table_name,
        id as id,
        user_id as user_id,
        null::BIGINT as order_id,
        case
            when user_id is null then 'userId'
            when amount_paisa is null then 'amount'
            when status is null then 'status'
            when requested_at is null then 'requestedAt'
        end as field
    from withdrawals
    where
        user_id is null
        or amount_paisa is null
        or status is null
        or requested_at is null
    union all
    select
        'SelfPayoutSchedule' as table_name,
        id as id,
        user_id as user_id,
        order_id as order_id,
        case
            when user_id is null then 'userId'
            when instalment is null then 'instalment'
            when amount_paisa is null then 'amount'
            when status is null then 'status'
            when retry_count is null then 'retryCount'
            when created_at is null then 'createdAt'
        end as field
    from payout_schedule
    where
        user_id is null
        or instalment is null
        or amount_paisa is null
        or status is null
        or retry_count is null
        or created_at is null
    union all
    select
        'PayoutHistory' as table_name,
        id as id,
        user_id as user_id,
        null::BIGINT as order_id,
        case
            when user_id is null then 'userId'
            when amount_paisa is null then 'amount'
            when type is null then 'type'
            when status is null then 'status'
            when created_at is null then 'createdAt'
        end as field
    from payout_history
    where
        user_id is null
        or amount_paisa is null
        or type is null
        or status is null
        or created_at is null
    union all
    select
        'CommissionRollup' as table_name,
        id as id,
        user_id as user_id,
        null::BIGINT as order_id,
        case
            when user_id is null then 'userId'
            when month is null then 'month'
            when year is null then 'year'
            when amount_paisa is null then 'rolledUpAmount'
            when commission_count is null then 'commissionCount'
        end as field
    from commission_rollups
    where
        user_id is null
        or month is null
        or year is null
        or amount_paisa is null
        or commission_count is null
    union all
    select
        'EligibilityLog' as table_name,
        id as id,
        user_id as user_id,
        null::BIGINT as order_id,
        case
            when user_id is null then 'userId'
            when month is null then 'month'
            when year is null then 'year'
            when is_eligible is null then 'isEligible'
            when monthly_purchase_paisa is null then 'monthlyPurchase'
            when required_purchase_paisa is null then 'requiredPurchase'
            when kyc_approved is null then 'kycApproved'
            when three_three_met is null then 'threeThreeMet'
            when rolled_up_paisa is null then 'rolledUpAmount'
        end as field
    from eligibility_log
    where
        user_id is null
        or month is null
        or year is null
        or is_eligible is null
        or monthly_purchase_paisa is null
        or required_purchase_paisa is null
        or kyc_approved is null
        or three_three_met is null
        or rolled_up_paisa is null
    union all
    select
        'MonthlyStats' as table_name,
        year::BIGINT * 100 + month as id,
        null::BIGINT as user_id,
        null::BIGINT as order_id,
        case
            when month is null then 'month'
            when year is null then 'year'
            when month_year is null then 'monthYear'
            when eligible_users is null then 'eligibleUsers'
            when ineligible_users is null then 'ineligibleUsers'
            when rolled_up_paisa is null then 'totalRolledUpAmount'
        end as field
    from monthly_stats
    where
        month is null
        or year is null
        or month_year is null
        or eligible_users is null
        or ineligible_users is null
        or rolled_up_paisa is null
)

select
    user_id as member_id,
    order_id,
    0::BIGINT as amount_paisa,
    table_name,
    coalesce(id, 0) as row_id,
    field,
    'field-missing' as cause,
    [{'table': table_name, 'id': coalesce(id, 0)}] as evidence,
    table_name || '/' || coalesce(id, 0) || '/' || field as key
from empty
