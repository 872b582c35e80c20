-- Orders whose lines differ, below a member whose place in the matrix may have been another one when they were paid: one row per order and
-- such place. paid_to_id is the parent at that place, 0 where it has none; place is how far above the buyer the member stands.
-- is_explained: every line above the member is just as the other place gives it, to the paisa, and nothing else differs in the order.
with recursive differing as (
    select
        order_id,
        min(level) as level,
        min(coalesce(level, 0)) as lowest
    from level_faults
    group by order_id
),

-- The member below whom the first wrong line of an order stands, and who was paid on that line.
placed as (
    select
        d.order_id,
        case when d.level = 1 then o.user_id else u.upline_id end as member_id,
        case
            when f.fault in ('missing', 'rollup-missing') then 0
            when f.member_low = f.upline_id then f.member_high
            else f.member_low
        end as paid_to_id
    from differing as d
    inner join level_faults as f on d.order_id = f.order_id and d.level = f.level
    inner join (select * from orders where id in (select order_id from differing)) as o on d.order_id = o.id
    left join uplines as u on o.user_id = u.member_id and d.level = u.level + 1
    where
        f.fault in ('missing', 'rollup-missing')
        or (f.fault in ('beneficiary', 'unexpected', 'inactive-upline') and f.records + f.credits > 0)
),

-- A member with several nodes may have been paid along one of them.
candidates as (
    select
        p.member_id,
        p.paid_to_id,
        count(distinct p.order_id) as orders
    from placed as p
    left join (
        select
            user_id,
            coalesce(parent_id, 0) as parent_id
        from matrix_nodes
        where user_id in (select user_id from matrix_nodes group by user_id having count(*) = 1)
    ) as n
        on p.member_id = n.user_id and p.paid_to_id = n.parent_id
    where p.member_id is not null and p.paid_to_id is not null and n.user_id is null
    group by p.member_id, p.paid_to_id
    having count(distinct p.order_id) > 1
),

-- The tree as it would be with the members back at the places that most of the orders show.
nodes as (
    select
        user_id,
        parent_id
    from matrix_nodes
    where parent_id is not null and user_id not in (select member_id from candidates)
    union
    select
        member_id as user_id,
        arg_max(paid_to_id, orders) as parent_id
    from candidates
    where paid_to_id > 0
    group by member_id
),

-- The uplines at the other place: step 1 is the parent there.
above as (
    select
        member_id,
        paid_to_id,
        1::BIGINT as step,
        paid_to_id as upline_id
    from candidates
    where paid_to_id > 0
    union all
    select
        a.member_id,
        a.paid_to_id,
        a.step + 1 as step,
        n.parent_id as upline_id
    from above as a
    inner join nodes as n on a.upline_id = n.user_id
    where a.step < (select max(level) from plan_levels)
),

-- The buyers whom the place concerns: the member, and everybody below.
buyers as (
    select
        member_id,
        paid_to_id,
        buyer_id,
        min(place) as place
    from (
        select
            member_id,
            paid_to_id,
            member_id as buyer_id,
            0::BIGINT as place
        from candidates
        union all
        select
            c.member_id,
            c.paid_to_id,
            u.member_id as buyer_id,
            u.level::BIGINT as place
        from (select * from uplines where upline_id in (select member_id from candidates)) as u
        inner join candidates as c on u.upline_id = c.member_id
    ) as concerned
    group by member_id, paid_to_id, buyer_id
),

sold as (
    select
        b.member_id,
        b.paid_to_id,
        b.place,
        o.order_id,
        o.member_id as buyer_id,
        o.is_joining,
        o.version_no,
        o.company_paisa + o.pot_paisa as due_paisa,
        o.pot_paisa,
        o.paid_at
    from (select * from paid_orders where stands and member_id in (select buyer_id from buyers)) as o
    inner join buyers as b on o.member_id = b.buyer_id
),

due as (
    select
        s.member_id,
        s.paid_to_id,
        s.order_id,
        l.level,
        s.buyer_id,
        s.is_joining,
        a.upline_id,
        s.pot_paisa * l.share_bps // 10000 as amount_paisa,
        case
            when s.paid_at >= m.active_from then 'active'
            when s.paid_at >= m.unknown_from then 'unknown'
            else 'inactive'
        end as activity
    from (select * from sold where order_id in (select order_id from differing)) as s
    inner join above as a on s.member_id = a.member_id and s.paid_to_id = a.paid_to_id
    inner join members as m on a.upline_id = m.member_id
    inner join plan_levels as l on s.version_no = l.version_no and s.place + a.step = l.level
    where s.pot_paisa * l.share_bps // 10000 > 0
),

posted as (
    select
        s.member_id,
        s.paid_to_id,
        a.*
    from (select * from sold where order_id in (select order_id from differing)) as s
    inner join level_actual as a on s.order_id = a.order_id
    where a.level is null or a.level > s.place
),

-- The lines above the member that are not what the other place gives.
unexplained as (
    select
        coalesce(d.member_id, p.member_id) as member_id,
        coalesce(d.paid_to_id, p.paid_to_id) as paid_to_id,
        coalesce(d.order_id, p.order_id) as order_id
    from due as d
    full outer join posted as p
        on d.member_id = p.member_id and d.paid_to_id = p.paid_to_id and d.order_id = p.order_id and d.level = p.level
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
                    p.records = 1 and p.recorded_paisa = d.amount_paisa and p.rollups = 0 and p.rolled_up_paisa = 0
                    and p.member_low = d.upline_id and p.member_high = d.upline_id
                    and p.from_named = 1 and p.from_low = d.buyer_id and p.joining_low = d.is_joining::BIGINT
                    and p.credits = d.is_joining::BIGINT
                    and p.credited_paisa = case when d.is_joining then d.amount_paisa else 0 end
            end,
            false
        )
)

select
    s.member_id,
    s.paid_to_id,
    s.order_id,
    s.place,
    d.order_id is not null as differs,
    d.order_id is not null
    and d.lowest > s.place
    and u.order_id is null
    and c.order_id is null
    and (not v.posts_remainder or t.posted_paisa = s.due_paisa) as is_explained
from sold as s
inner join plan_versions as v on s.version_no = v.version_no
inner join (select version_no, max(level) as last_level from plan_levels where share_bps > 0 group by version_no) as l
    on s.version_no = l.version_no
left join differing as d on s.order_id = d.order_id
left join (select distinct member_id, paid_to_id, order_id from unexplained) as u
    on s.member_id = u.member_id and s.paid_to_id = u.paid_to_id and s.order_id = u.order_id
left join (select distinct order_id from company_faults where line = 'company_share') as c on s.order_id = c.order_id
left join (select order_id, posted_paisa from order_sums where differs) as t on s.order_id = t.order_id
where s.pot_paisa > 0 and s.place < l.last_level
