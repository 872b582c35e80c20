-- The amount that each upline should get, for the orders whose lines are not proven to be the same.
-- activity of the upline when the order was paid: 'active', 'inactive' or 'unknown'. If it is unknown, either posting is accepted, but
-- only one of the two and only with the right amount.
select
    o.order_id,
    u.level,
    o.member_id as buyer_id,
    o.is_joining,
    o.is_credited,
    o.has_records,
    o.version_no,
    u.upline_id,
    share_of(o.pot_paisa, case when o.is_joining then l.share_bps else l.repurchase_bps end) as amount_paisa,
    case
        when not o.has_records then u.credit_line
        when o.is_joining then u.joining_line
        else u.repurchase_line
    end as member_line,
    u.rollup_line,
    case
        when not (o.is_joining or coalesce(o.paid_at >= u.repurchase_from, false)) then 'inactive'
        when o.paid_at >= u.active_from then 'active'
        when o.paid_at >= u.unknown_from then 'unknown'
        else 'inactive'
    end as activity
from (select * from paid_orders where order_id in (select order_id from order_sums where differs)) as o
inner join uplines as u on o.member_id = u.member_id
inner join plan_levels as l on o.version_no = l.version_no and u.level = l.level
where o.stands and share_of(o.pot_paisa, case when o.is_joining then l.share_bps else l.repurchase_bps end) > 0
