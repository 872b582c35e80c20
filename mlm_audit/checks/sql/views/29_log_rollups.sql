-- view
-- Per member and month: the rolled-up amounts in CommissionRollup and in the eligibility log, and the number of rolled-up commissions.
-- Only for the members whose rows are all available.
with records as (
    select
        user_id as member_id,
        year::BIGINT * 100 + month as month,
        sum(amount_paisa)::BIGINT as recorded_paisa,
        sum(commission_count)::BIGINT as commission_count,
        max(id) as rollup_id
    from commission_rollups
    group by user_id, year::BIGINT * 100 + month
),

logged as (
    select
        member_id,
        month,
        rolled_up_paisa as logged_paisa,
        last_id as log_id
    from member_months
    where rolled_up_paisa <> 0 or member_id in (select member_id from records)
),

decided as (
    select member_id, month, rows as rolled_up_rows
    from month_commissions
    where status = 'rolled_up'
),

both_of_them as (
    select
        coalesce(r.member_id, l.member_id) as member_id,
        coalesce(r.month, l.month) as month,
        coalesce(r.recorded_paisa, 0) as recorded_paisa,
        r.commission_count,
        r.rollup_id,
        coalesce(l.logged_paisa, 0) as logged_paisa,
        l.log_id
    from records as r
    full outer join logged as l on r.member_id = l.member_id and r.month = l.month
)

select
    b.*,
    coalesce(d.rolled_up_rows, 0) as rolled_up_rows
from both_of_them as b
left join decided as d on b.member_id = d.member_id and b.month = d.month
