-- view
-- One row per standing order and level with an upline: who should get how much. Never materialised as a whole.
-- activity of the upline when the order was paid: 'active', 'inactive', or 'unknown' (active once, not today, and the
-- platform does not record since when: then either posting is accepted, but only one and only the right amount).
select
    o.order_id,
    l.level,
    o.member_id as buyer_id,
    o.is_joining,
    o.version_no,
    u.upline_id,
    o.pot_paisa * l.share_bps // 10000 as amount_paisa,
    case
        when u.is_active_now and (u.earns_from is null or o.paid_at >= u.earns_from) then 'active'
        when u.is_active_now then 'inactive'
        when r.active_from = 'first_paid_order' and (u.first_paid_at is null or o.paid_at < u.first_paid_at)
            then 'inactive'
        else 'unknown'
    end as activity
from paid_orders as o
inner join plan_levels as l on o.version_no = l.version_no
inner join uplines as u on o.member_id = u.member_id and l.level = u.level
cross join rules as r
where o.stands and o.pot_paisa * l.share_bps // 10000 > 0
