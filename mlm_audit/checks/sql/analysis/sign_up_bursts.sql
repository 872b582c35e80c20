-- Sponsors under whom `burst_hour` members or more signed up within an hour, or `burst_day` within a day, and at least
-- `burst_factor` times their usual number, which is their other sign-ups per day between the first and the last one.
with joined as (
    select
        p.sponsor_id,
        p.created_at,
        count(*) over hour as in_hour,
        count(*) over day as in_day,
        count(*) over (partition by p.sponsor_id) as directs,
        1 + (
            epoch_us(max(p.created_at) over (partition by p.sponsor_id))
            - epoch_us(min(p.created_at) over (partition by p.sponsor_id))
        ) // 86400000000 as days
    from people as p
    where p.sponsor_id <> p.id
    window
        hour as (
            partition by p.sponsor_id order by p.created_at
            range between interval 1 hour preceding and current row
        ),
        day as (
            partition by p.sponsor_id order by p.created_at
            range between interval 1 day preceding and current row
        )
),

judged as (
    select
        j.*,
        (j.directs - j.in_day) * 100 // j.days as usual_per_day_hundredths
    from joined as j
)

select
    j.sponsor_id as member_id,
    max(j.in_hour)::BIGINT as in_hour,
    max(j.in_day)::BIGINT as in_day,
    arg_max(j.created_at, j.in_day) as until_at,
    arg_max(j.usual_per_day_hundredths, j.in_day)::BIGINT as usual_per_day_hundredths
from judged as j
cross join look_terms as t
where
    (j.in_hour >= t.burst_hour and j.in_hour * 100 >= t.burst_factor * j.usual_per_day_hundredths)
    or (j.in_day >= t.burst_day and j.in_day * 100 >= t.burst_factor * j.usual_per_day_hundredths)
group by j.sponsor_id
order by in_day desc, member_id
