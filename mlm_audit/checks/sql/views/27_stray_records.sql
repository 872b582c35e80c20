-- A line's missing commission record that exists under another order, level or type: it is corrected instead of added.
with wanted as (
    select f.order_id, f.level, f.upline_id, f.amount_paisa, o.user_id as buyer_id
    from level_faults as f
    inner join orders as o on f.order_id = o.id
    where f.fault in ('missing', 'not-recorded')
),

found as (
    select id, order_id, level, type, user_id, from_user_id, amount_paisa, type in ('joining', 'repurchase') as is_line
    from commissions
    where user_id in (select upline_id from wanted) and amount_paisa in (select amount_paisa from wanted)
),

fitting as (
    select w.order_id, w.level, c.id, c.order_id as record_order_id, c.level as record_level, c.type
    from wanted as w
    inner join found as c on w.upline_id = c.user_id and w.amount_paisa = c.amount_paisa
    left join orders as o on c.order_id = o.id
    left join (
        select order_id, level from level_faults where fault in ('unexpected', 'recorded-twice', 'credited-twice', 'inactive-upline', 'beneficiary', 'amount')
    ) as f
        on c.order_id = f.order_id and c.level is not distinct from f.level
    where
        (not c.is_line and c.order_id = w.order_id and c.level = w.level)
        or (c.is_line and c.order_id = w.order_id and c.level is distinct from w.level and f.order_id is not null)
        or (
            c.is_line and c.order_id is distinct from w.order_id and c.level = w.level and c.from_user_id = w.buyer_id
            and (o.id is null or (o.user_id <> w.buyer_id and f.order_id is not null))
        )
)

-- One record for one line: if several records match, it is unknown which one is the right one.
select
    order_id,
    level,
    max(id) as record_id,
    max(record_order_id) as record_order_id,
    max(record_level) as record_level,
    max(type) as record_type
from fitting
where id in (select id from fitting group by id having count(*) = 1)
group by order_id, level
having count(*) = 1
