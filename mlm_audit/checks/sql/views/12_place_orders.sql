-- The evidence of orders for a different matrix place of a member: that the member was below paid_to_id (0: below no one) when the order
-- was paid. One row per order and place; a member has at most one such place, the one that most orders support. place is the number of
-- levels from the buyer up to the member; lines_paisa is the total of the lines that differ.
-- bearing: 'explained' if every line above the member is exactly as the other place gives it, to the paisa, and every paisa of the order
-- is posted; 'contrary' if the lines are as today's place gives them and not as the other one would; 'open' if neither place explains
-- them.
with recursive differing as (
    select
        order_id,
        min(level) as level,
        min(coalesce(level, 0)) as lowest,
        max(coalesce(level, 0)) as highest,
        sum(greatest(amount_paisa, recorded_paisa))::BIGINT as lines_paisa
    from level_faults
    group by order_id
),

-- Each order with the member directly below its first wrong line.
own as (
    select
        o.order_id,
        case when d.level = 1 then o.member_id else u.upline_id end as placed_id,
        d.level - 1 as place,
        d.level,
        d.lowest,
        d.lines_paisa,
        o.member_id as buyer_id,
        o.is_joining,
        o.is_credited,
        o.has_records,
        o.version_no,
        o.pot_paisa,
        o.company_paisa + o.pot_paisa as due_paisa,
        o.paid_at
    from differing as d
    inner join (select * from paid_orders where stands and order_id in (select order_id from differing)) as o on d.order_id = o.order_id
    left join uplines as u on o.member_id = u.member_id and d.level = u.level + 1
),

-- The member who was paid on that line. A member with several nodes may have been paid along one of them.
shown as (
    select
        w.placed_id,
        w.order_id,
        case
            when f.fault in ('missing', 'rollup-missing') then 0
            when f.member_low = f.upline_id then f.member_high
            else f.member_low
        end as paid_to_id
    from own as w
    inner join level_faults as f on w.order_id = f.order_id and w.level = f.level
    where
        w.placed_id is not null
        and (
            f.fault in ('missing', 'rollup-missing')
            or (f.fault in ('beneficiary', 'unexpected', 'inactive-upline') and f.records + f.credits > 0)
        )
),

places as (
    select
        placed_id,
        paid_to_id
    from (
        select
            *,
            row_number() over (partition by placed_id order by orders desc, paid_to_id desc) as number
        from (
            select
                s.placed_id,
                s.paid_to_id,
                count(distinct s.order_id) as orders
            from shown as s
            left join (
                select
                    user_id,
                    coalesce(parent_id, 0) as parent_id
                from matrix_nodes
                where user_id in (select user_id from matrix_nodes group by user_id having count(*) = 1)
            ) as n
                on s.placed_id = n.user_id and s.paid_to_id = n.parent_id
            where s.paid_to_id is not null and n.user_id is null
            group by s.placed_id, s.paid_to_id
        ) as counted
    ) as numbered
    where number = 1 and orders > 1
),

-- The tree with these members at their other places.
nodes as (
    select
        user_id,
        parent_id
    from matrix_nodes
    where parent_id is not null and user_id not in (select placed_id from places)
    union
    select
        placed_id as user_id,
        paid_to_id as parent_id
    from places
    where paid_to_id > 0
),

-- The uplines at the other place: step 1 is the parent there.
above as (
    select
        placed_id,
        1::BIGINT as step,
        paid_to_id as upline_id
    from places
    where paid_to_id > 0
    union all
    select
        a.placed_id,
        a.step + 1 as step,
        n.parent_id as upline_id
    from above as a
    inner join nodes as n on a.upline_id = n.user_id
    where a.step < (select max(level) from plan_levels)
),

due as (
    select
        w.order_id,
        l.level,
        w.buyer_id,
        w.is_joining,
        w.is_credited,
        w.has_records,
        a.upline_id,
        share_of(w.pot_paisa, case when w.is_joining then l.share_bps else l.repurchase_bps end) as amount_paisa,
        case
            when not (w.is_joining or coalesce(w.paid_at >= m.repurchase_from, false)) then 'inactive'
            when w.paid_at >= m.active_from then 'active'
            when w.paid_at >= m.unknown_from then 'unknown'
            else 'inactive'
        end as activity
    from own as w
    inner join above as a on w.placed_id = a.placed_id
    inner join members as m on a.upline_id = m.member_id
    inner join plan_levels as l on w.version_no = l.version_no and w.place + a.step = l.level
    where share_of(w.pot_paisa, case when w.is_joining then l.share_bps else l.repurchase_bps end) > 0
),

posted as (
    select a.*
    from level_actual as a
    inner join (select * from own where placed_id in (select placed_id from places)) as w on a.order_id = w.order_id
    where a.level is null or a.level > w.place
),

unexplained as (
    select coalesce(d.order_id, p.order_id) as order_id
    from due as d
    full outer join posted as p on d.order_id = p.order_id and d.level = p.level
    where
        not coalesce(
            case
                when d.order_id is null
                    then
                        p.records = 0 and p.credits = 0 and p.rollups = 0
                        and p.recorded_paisa = 0 and p.credited_paisa = 0 and p.rolled_up_paisa = 0
                when d.activity = 'inactive' or (d.activity = 'unknown' and p.records + p.credits = 0)
                    then
                        p.rollups = 1 and p.rolled_up_paisa = d.amount_paisa and p.records = 0 and p.credits = 0
                        and p.recorded_paisa = 0 and p.credited_paisa = 0
                else
                    p.rollups = 0 and p.rolled_up_paisa = 0 and p.member_low = d.upline_id and p.member_high = d.upline_id
                    and (
                        not d.has_records
                        or (
                            p.records = 1 and p.recorded_paisa = d.amount_paisa and p.from_named = 1 and p.from_low = d.buyer_id
                            and p.joining_low = d.is_joining::BIGINT
                        )
                    )
                    and p.credits = d.is_credited::BIGINT
                    and p.credited_paisa = case when d.is_credited then d.amount_paisa else 0 end
            end,
            false
        )
),

explained as (
    select
        w.placed_id,
        q.paid_to_id,
        w.order_id,
        w.place,
        w.paid_at,
        w.lines_paisa
    from own as w
    inner join places as q on w.placed_id = q.placed_id
    inner join plan_versions as v on w.version_no = v.version_no
    inner join (select order_id, posted_paisa from order_sums where differs) as t on w.order_id = t.order_id
    where
        w.lowest > w.place
        and (not v.posts_remainder or t.posted_paisa = w.due_paisa)
        and w.order_id not in (select order_id from unexplained)
        and w.order_id not in (select order_id from company_faults where line = 'company_share')
),

-- The buyers whom a place affects: the member and all members below.
buyers as (
    select
        placed_id,
        paid_to_id,
        placed_id as buyer_id,
        0::BIGINT as place
    from places
    union all
    select
        q.placed_id,
        q.paid_to_id,
        u.member_id as buyer_id,
        u.level::BIGINT as place
    from (select * from uplines where upline_id in (select placed_id from places)) as u
    inner join places as q on u.upline_id = q.placed_id
),

-- The orders that match today's place and were paid before the last order that the other place explains.
right_today as (
    select
        b.placed_id,
        b.paid_to_id,
        b.buyer_id,
        b.place,
        o.order_id,
        o.paid_at,
        o.version_no,
        o.is_joining,
        o.pot_paisa
    from (
        select * from paid_orders
        where stands and pot_paisa > 0 and member_id in (select buyer_id from buyers) and order_id not in (select order_id from order_sums where differs)
    ) as o
    inner join buyers as b on o.member_id = b.buyer_id
    inner join (select placed_id, max(paid_at) as last_at from explained group by placed_id) as e
        on b.placed_id = e.placed_id and o.paid_at < e.last_at
)

select
    placed_id as member_id,
    paid_to_id,
    order_id,
    place,
    lines_paisa,
    'explained' as bearing
from explained
union all
select
    r.placed_id as member_id,
    r.paid_to_id,
    r.order_id,
    r.place,
    0::BIGINT as lines_paisa,
    'contrary' as bearing
from right_today as r
inner join plan_levels as l on r.version_no = l.version_no and r.place + 1 = l.level
left join (select * from uplines where member_id in (select buyer_id from right_today)) as u
    on r.buyer_id = u.member_id and r.place + 1 = u.level
left join members as m on r.paid_to_id = m.member_id
where
    share_of(r.pot_paisa, case when r.is_joining then l.share_bps else l.repurchase_bps end) > 0
    -- If neither today's parent nor the other one was active, the company got the line in both cases.
    and (r.paid_to_id = 0 or u.upline_id is null or coalesce(r.paid_at >= u.active_from, false) or coalesce(r.paid_at >= m.active_from, false))
union all
select
    b.placed_id as member_id,
    b.paid_to_id,
    o.order_id,
    min(b.place) as place,
    max(d.lines_paisa) as lines_paisa,
    'open' as bearing
from (select * from paid_orders where stands and order_id in (select order_id from differing)) as o
inner join differing as d on o.order_id = d.order_id
inner join buyers as b on o.member_id = b.buyer_id
where d.highest > b.place and o.order_id not in (select order_id from explained)
group by b.placed_id, b.paid_to_id, o.order_id
