-- code: field-missing
-- title: A required field is empty
-- severity: high
-- needs: users, orders, ledger, commissions, withdrawals, payout_schedule, payout_history, commission_rollups, eligibility_log, monthly_stats
-- requires: none
-- optional: users, orders, ledger, commissions, withdrawals, payout_schedule, payout_history, commission_rollups, eligibility_log, monthly_stats
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
            when role is null and k.users_role then 'role'
            when is_active is null and k.users_is_active then 'isActive'
            when is_blocked is null and k.users_is_blocked then 'isBlocked'
            when is_kyc_approved is null and k.users_is_kyc_approved then 'isKycApproved'
            when wallet_balance_paisa is null and k.users_wallet_balance_paisa then 'walletBalance'
            when monthly_purchase_paisa is null and k.users_monthly_purchase_paisa then 'monthlyPurchase'
            when last_month_purchase_paisa is null and k.users_last_month_purchase_paisa then 'lastMonthPurchase'
            when created_at is null and k.users_created_at then 'createdAt'
        end as field
    from users
    cross join kept_columns as k
    where
        role is null and k.users_role
        or is_active is null and k.users_is_active
        or is_blocked is null and k.users_is_blocked
        or is_kyc_approved is null and k.users_is_kyc_approved
        or wallet_balance_paisa is null and k.users_wallet_balance_paisa
        or monthly_purchase_paisa is null and k.users_monthly_purchase_paisa
        or last_month_purchase_paisa is null and k.users_last_month_purchase_paisa
        or created_at is null and k.users_created_at
    union all
    select
        'order' as table_name,
        id as id,
        user_id as user_id,
        id as order_id,
        case
            when user_id is null and k.orders_user_id then 'userId'
            when total_paisa is null and k.orders_total_paisa then 'total'
            when commission_amount_paisa is null and k.orders_commission_amount_paisa then 'commissionAmount'
            when status is null and k.orders_status then 'status'
            when is_joining_order is null and k.orders_is_joining_order then 'isJoiningOrder'
            when created_at is null and k.orders_created_at then 'createdAt'
        end as field
    from orders
    cross join kept_columns as k
    where
        user_id is null and k.orders_user_id
        or total_paisa is null and k.orders_total_paisa
        or commission_amount_paisa is null and k.orders_commission_amount_paisa
        or status is null and k.orders_status
        or is_joining_order is null and k.orders_is_joining_order
        or created_at is null and k.orders_created_at
    union all
    select
        'ledger' as table_name,
        id as id,
        user_id as user_id,
        null::BIGINT as order_id,
        case
            when type is null and k.ledger_type then 'type'
            when amount_paisa is null and k.ledger_amount_paisa then 'amount'
            when created_at is null and k.ledger_created_at then 'createdAt'
        end as field
    from noted_rows
    cross join kept_columns as k
    where
        type is null and k.ledger_type
        or amount_paisa is null and k.ledger_amount_paisa
        or created_at is null and k.ledger_created_at
    union all
    select
        'commissions' as table_name,
        id as id,
        user_id as user_id,
        order_id as order_id,
        case
            when user_id is null and k.commissions_user_id then 'userId'
            when amount_paisa is null and k.commissions_amount_paisa then 'amount'
            when type is null and k.commissions_type then 'type'
            when status is null and k.commissions_status then 'status'
            when created_at is null and k.commissions_created_at then 'createdAt'
        end as field
    from commissions
    cross join kept_columns as k
    where
        user_id is null and k.commissions_user_id
        or amount_paisa is null and k.commissions_amount_paisa
        or type is null and k.commissions_type
        or status is null and k.commissions_status
        or created_at is null and k.commissions_created_at
    union all
    select
        'withdrawal_requests' as table_name,
        id as id,
        user_id as user_id,
        null::BIGINT as order_id,
        case
            when user_id is null and k.withdrawals_user_id then 'userId'
            when amount_paisa is null and k.withdrawals_amount_paisa then 'amount'
            when status is null and k.withdrawals_status then 'status'
            when requested_at is null and k.withdrawals_requested_at then 'requestedAt'
        end as field
    from withdrawals
    cross join kept_columns as k
    where
        user_id is null and k.withdrawals_user_id
        or amount_paisa is null and k.withdrawals_amount_paisa
        or status is null and k.withdrawals_status
        or requested_at is null and k.withdrawals_requested_at
    union all
    select
        'SelfPayoutSchedule' as table_name,
        id as id,
        user_id as user_id,
        order_id as order_id,
        case
            when user_id is null and k.payout_schedule_user_id then 'userId'
            when instalment is null and k.payout_schedule_instalment then 'instalment'
            when amount_paisa is null and k.payout_schedule_amount_paisa then 'amount'
            when status is null and k.payout_schedule_status then 'status'
            when retry_count is null and k.payout_schedule_retry_count then 'retryCount'
            when created_at is null and k.payout_schedule_created_at then 'createdAt'
        end as field
    from payout_schedule
    cross join kept_columns as k
    where
        user_id is null and k.payout_schedule_user_id
        or instalment is null and k.payout_schedule_instalment
        or amount_paisa is null and k.payout_schedule_amount_paisa
        or status is null and k.payout_schedule_status
        or retry_count is null and k.payout_schedule_retry_count
        or created_at is null and k.payout_schedule_created_at
    union all
    select
        'PayoutHistory' as table_name,
        id as id,
        user_id as user_id,
        null::BIGINT as order_id,
        case
            when user_id is null and k.payout_history_user_id then 'userId'
            when amount_paisa is null and k.payout_history_amount_paisa then 'amount'
            when type is null and k.payout_history_type then 'type'
            when status is null and k.payout_history_status then 'status'
            when created_at is null and k.payout_history_created_at then 'createdAt'
        end as field
    from payout_history
    cross join kept_columns as k
    where
        user_id is null and k.payout_history_user_id
        or amount_paisa is null and k.payout_history_amount_paisa
        or type is null and k.payout_history_type
        or status is null and k.payout_history_status
        or created_at is null and k.payout_history_created_at
    union all
    select
        'CommissionRollup' as table_name,
        id as id,
        user_id as user_id,
        null::BIGINT as order_id,
        case
            when user_id is null and k.commission_rollups_user_id then 'userId'
            when month is null and k.commission_rollups_month then 'month'
            when year is null and k.commission_rollups_year then 'year'
            when amount_paisa is null and k.commission_rollups_amount_paisa then 'rolledUpAmount'
            when commission_count is null and k.commission_rollups_commission_count then 'commissionCount'
        end as field
    from commission_rollups
    cross join kept_columns as k
    where
        user_id is null and k.commission_rollups_user_id
        or month is null and k.commission_rollups_month
        or year is null and k.commission_rollups_year
        or amount_paisa is null and k.commission_rollups_amount_paisa
        or commission_count is null and k.commission_rollups_commission_count
    union all
    select
        'EligibilityLog' as table_name,
        id as id,
        user_id as user_id,
        null::BIGINT as order_id,
        case
            when user_id is null and k.eligibility_log_user_id then 'userId'
            when month is null and k.eligibility_log_month then 'month'
            when year is null and k.eligibility_log_year then 'year'
            when is_eligible is null and k.eligibility_log_is_eligible then 'isEligible'
            when monthly_purchase_paisa is null and k.eligibility_log_monthly_purchase_paisa then 'monthlyPurchase'
            when required_purchase_paisa is null and k.eligibility_log_required_purchase_paisa then 'requiredPurchase'
            when kyc_approved is null and k.eligibility_log_kyc_approved then 'kycApproved'
            when three_three_met is null and k.eligibility_log_three_three_met then 'threeThreeMet'
            when rolled_up_paisa is null and k.eligibility_log_rolled_up_paisa then 'rolledUpAmount'
        end as field
    from eligibility_log
    cross join kept_columns as k
    where
        user_id is null and k.eligibility_log_user_id
        or month is null and k.eligibility_log_month
        or year is null and k.eligibility_log_year
        or is_eligible is null and k.eligibility_log_is_eligible
        or monthly_purchase_paisa is null and k.eligibility_log_monthly_purchase_paisa
        or required_purchase_paisa is null and k.eligibility_log_required_purchase_paisa
        or kyc_approved is null and k.eligibility_log_kyc_approved
        or three_three_met is null and k.eligibility_log_three_three_met
        or rolled_up_paisa is null and k.eligibility_log_rolled_up_paisa
    union all
    select
        'MonthlyStats' as table_name,
        year::BIGINT * 100 + month as id,
        null::BIGINT as user_id,
        null::BIGINT as order_id,
        case
            when month is null and k.monthly_stats_month then 'month'
            when year is null and k.monthly_stats_year then 'year'
            when month_year is null and k.monthly_stats_month_year then 'monthYear'
            when eligible_users is null and k.monthly_stats_eligible_users then 'eligibleUsers'
            when ineligible_users is null and k.monthly_stats_ineligible_users then 'ineligibleUsers'
            when rolled_up_paisa is null and k.monthly_stats_rolled_up_paisa then 'totalRolledUpAmount'
        end as field
    from monthly_stats
    cross join kept_columns as k
    where
        month is null and k.monthly_stats_month
        or year is null and k.monthly_stats_year
        or month_year is null and k.monthly_stats_month_year
        or eligible_users is null and k.monthly_stats_eligible_users
        or ineligible_users is null and k.monthly_stats_ineligible_users
        or rolled_up_paisa is null and k.monthly_stats_rolled_up_paisa
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
