-- The rows behind each line that differs, for its remedy: the last commission record and ledger row, and what the month came to.
with records as (
    select
        order_id,
        level,
        max(id) as record_id,
        max_by(status, id) as record_status,
        max_by(user_id, id) as record_user_id
    from commissions
    where type in ('joining', 'repurchase') and amount_paisa >= 0 and order_id in (select order_id from level_faults)
    group by order_id, level
),

credits as (
    select
        reference_id as order_id,
        level_depth as level,
        max(id) as credit_id,
        max_by(user_id, id) as credit_user_id,
        max_by(amount_paisa, id) as credit_row_paisa
    from ledger
    where
        type = 'sponsor_commission' and amount_paisa >= 0 and reference_id in (select order_id from level_faults)
        and id not in (select of_id from corrections)
    group by reference_id, level_depth
),

rollups as (
    select
        reference_id as order_id,
        level_depth as level,
        max(id) as rollup_id
    from ledger
    where
        type = 'rollup_to_company' and amount_paisa >= 0 and reference_id in (select order_id from level_faults)
        and id not in (select of_id from corrections)
    group by reference_id, level_depth
),

swept as (
    select
        year::BIGINT * 100 + month as month,
        max(rolled_up_paisa) as stats_paisa
    from monthly_stats
    group by year::BIGINT * 100 + month
)

select
    f.order_id,
    f.level,
    r.record_id,
    r.record_status,
    r.record_user_id,
    c.credit_id,
    c.credit_user_id,
    c.credit_row_paisa,
    u.rollup_id,
    o.user_id as buyer_id,
    o.is_joining_order as is_joining,
    p.month,
    p.paid_at,
    t.month is not null as is_swept,
    g.is_eligible,
    g.rollup_id as month_rollup_id,
    g.rollup_paisa as month_rollup_paisa,
    g.rollup_count as month_rollup_count,
    g.log_id as month_log_id,
    g.logged_paisa as month_logged_paisa,
    t.stats_paisa
from (select distinct order_id, level, coalesce(upline_id, member_high) as member_id from level_faults) as f
left join records as r on f.order_id = r.order_id and f.level = r.level
left join credits as c on f.order_id = c.order_id and f.level = c.level
left join rollups as u on f.order_id = u.order_id and f.level = u.level
left join (select * from orders where id in (select order_id from level_faults)) as o on f.order_id = o.id
left join (select * from paid_orders where order_id in (select order_id from level_faults)) as p on f.order_id = p.order_id
left join (
    select * from month_facts where member_id in (select coalesce(upline_id, member_high) from level_faults)
) as g
    on f.member_id = g.member_id and p.month = g.month
left join swept as t on p.month = t.month
