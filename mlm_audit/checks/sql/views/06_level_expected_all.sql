-- view
-- One row per standing order and level with an upline, for its order's signature (order_sums). Never materialised as a whole;
-- level_expected says who should get how much, of the orders whose lines are not proven.
-- activity of the upline when the order was paid: 'active', 'inactive', or 'unknown': then either posting is accepted, but
-- only one of the two and only the right amount.
select
    o.order_id,
    o.pot_paisa * l.share_bps // 10000 as amount_paisa,
    case when o.is_joining then u.joining_line else u.repurchase_line end as member_line,
    u.rollup_line,
    case
        when o.paid_at >= u.active_from then 'active'
        when o.paid_at >= u.unknown_from then 'unknown'
        else 'inactive'
    end as activity
from paid_orders as o
inner join uplines as u on o.member_id = u.member_id
inner join plan_levels as l on o.version_no = l.version_no and u.level = l.level
where o.stands and o.pot_paisa * l.share_bps // 10000 > 0
