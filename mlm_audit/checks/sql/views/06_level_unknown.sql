-- view
-- The expected level lines whose upline's activity at the time of payment is unknown. They are few; only orders below those uplines are read.
select
    o.order_id,
    share_of(o.pot_paisa, case when o.is_joining then l.share_bps else l.repurchase_bps end) as amount_paisa,
    case
        when not o.has_records then u.credit_line
        when o.is_joining then u.joining_line
        else u.repurchase_line
    end as member_line,
    u.rollup_line
from paid_orders as o
inner join (
    select * from uplines where unknown_from is not null and (active_from is null or unknown_from < active_from)
) as u
    on o.member_id = u.member_id
inner join plan_levels as l on o.version_no = l.version_no and u.level = l.level
where
    o.stands
    and share_of(o.pot_paisa, case when o.is_joining then l.share_bps else l.repurchase_bps end) > 0
    and o.paid_at >= u.unknown_from
    and (o.is_joining or coalesce(o.paid_at >= u.repurchase_from, false))
    and (u.active_from is null or o.paid_at < u.active_from)
