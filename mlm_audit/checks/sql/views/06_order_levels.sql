-- The sums that the plan gives the uplines of each standing order: the expected side of order_postings, with the hashes of uplines.
-- level_expected has the amounts by upline, for the orders whose lines are not proven.
-- An upline whose activity is unknown counts as active here; level_unknown has those lines.
select
    order_id,
    sum(case when amount_paisa > 2147483647 then 1 else line * amount_paisa end) as signature,
    sum(amount_paisa)::BIGINT as levels_paisa
from (
    select
        o.order_id,
        share_of(o.pot_paisa, case when o.is_joining then l.share_bps else l.repurchase_bps end) as amount_paisa,
        case
            when not coalesce(o.paid_at >= u.active_from or o.paid_at >= u.unknown_from, false) then u.rollup_line
            when not (o.is_joining or coalesce(o.paid_at >= u.repurchase_from, false)) then u.rollup_line
            when not o.has_records then u.credit_line
            when o.is_joining then u.joining_line
            else u.repurchase_line
        end as line
    from paid_orders as o
    inner join uplines as u on o.member_id = u.member_id
    inner join plan_levels as l on o.version_no = l.version_no and u.level = l.level
    where o.stands and share_of(o.pot_paisa, case when o.is_joining then l.share_bps else l.repurchase_bps end) > 0
) as lines
group by order_id
