-- view
-- The expected level lines whose upline's activity at the time of payment is unknown. They are few; only orders below those uplines are read.
select
    o.order_id,
    o.pot_paisa * l.share_bps // 10000 as amount_paisa,
    case when o.is_joining then u.joining_line else u.repurchase_line end as member_line,
    u.rollup_line
from paid_orders as o
inner join (
    select * from uplines where unknown_from is not null and (active_from is null or unknown_from < active_from)
) as u
    on o.member_id = u.member_id
inner join plan_levels as l on o.version_no = l.version_no and u.level = l.level
where
    o.stands
    and o.pot_paisa * l.share_bps // 10000 > 0
    and o.paid_at >= u.unknown_from
    and (u.active_from is null or o.paid_at < u.active_from)
