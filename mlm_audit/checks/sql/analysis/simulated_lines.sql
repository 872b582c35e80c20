-- One row per order and level with a recipient: the upline if they were active and, for repurchase, eligible for the month;
-- otherwise the company. An ancestor who is not a member receives nothing: their level stays in the remainder.
select
    o.order_id,
    o.month,
    w.level,
    w.upline_id,
    w.is_active and (o.is_joining or w.is_eligible) as to_member,
    (o.pot_paisa::HUGEINT * case when o.is_joining then l.share_bps else l.repurchase_bps end // 10000)::BIGINT as amount_paisa
from sim_walk as w
inner join sim_orders as o on w.order_id = o.order_id
inner join sim_levels as l on o.version_no = l.version_no and w.level = l.level
where w.takes and w.is_known
