-- The company's own lines per order, its share and (where the plan posts it) the remainder; only the ones that differ.
with compared as (
    select
        s.order_id,
        o.version_no,
        o.order_id is not null as was_paid,
        coalesce(o.stands, true) as stands,
        coalesce(o.company_paisa, 0) as share_paisa,
        case when v.posts_remainder then o.pot_paisa - coalesce(s.levels_paisa, 0) else 0 end as rest_paisa,
        s.company_rows,
        coalesce(s.company_paisa, 0) as company_paisa,
        s.remainder_rows,
        coalesce(s.remainder_paisa, 0) as remainder_paisa
    from paid_orders as o
    full outer join order_sums as s on o.order_id = s.order_id
    left join plan_versions as v on o.version_no = v.version_no
    where s.order_id is not null
    union all
    select
        o.order_id, o.version_no, true, true, o.company_paisa,
        case when v.posts_remainder then o.pot_paisa else 0 end, 0, 0, 0, 0
    from paid_orders as o
    inner join plan_versions as v on o.version_no = v.version_no
    where o.stands and o.order_id not in (select order_id from order_sums)
),

lines as (
    select order_id, version_no, 'company_share' as line, share_paisa as amount_paisa, company_rows as posted, company_paisa as posted_paisa
    from compared
    where stands and (share_paisa <> company_paisa or company_rows > 1)
    union all
    select order_id, version_no, 'remainder' as line, coalesce(rest_paisa, 0) as amount_paisa, remainder_rows as posted, remainder_paisa as posted_paisa
    from compared
    where stands and (coalesce(rest_paisa, 0) <> remainder_paisa or remainder_rows > 1)
)

select l.*
from lines as l
inner join orders as s on l.order_id = s.id
