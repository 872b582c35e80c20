-- The time since when each member meets the 3-3 rule: the required number of directs has the required number of directs each. Only where
-- the rule applies to each order; otherwise the sweep decides it by month.
with directs as (
    select
        u.sponsor_id as member_id,
        u.created_at as since,
        row_number() over (partition by u.sponsor_id order by u.created_at, u.id) as place
    from users as u
    cross join rules as r
    where u.sponsor_id is not null and r.three_three_per_order
),

sponsors as (
    select d.member_id, d.since
    from directs as d
    cross join rules as r
    where d.place = r.three_three_count
),

directs_with_enough as (
    select
        u.sponsor_id as member_id,
        s.since,
        row_number() over (partition by u.sponsor_id order by s.since, u.id) as place
    from sponsors as s
    inner join users as u on s.member_id = u.id
    where u.sponsor_id is not null
)

select d.member_id, d.since
from directs_with_enough as d
cross join rules as r
where d.place = r.three_three_count
