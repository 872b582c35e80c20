-- The company's own lines per standing order: its share and, where the plan posts it, the remainder.
with levels as (
    select order_id, sum(amount_paisa)::BIGINT as levels_paisa
    from level_expected
    group by order_id
),

expected as (
    select order_id, 'company_share' as line, company_paisa as amount_paisa
    from paid_orders
    where stands and company_paisa > 0
    union all
    select o.order_id, 'remainder' as line, o.pot_paisa - coalesce(l.levels_paisa, 0) as amount_paisa
    from paid_orders as o
    inner join plan_versions as v on o.version_no = v.version_no
    left join levels as l on o.order_id = l.order_id
    where o.stands and v.posts_remainder and o.pot_paisa > coalesce(l.levels_paisa, 0)
),

actual as (
    select
        reference_id as order_id,
        type as line,
        count(*) as posted,
        sum(amount_paisa)::BIGINT as posted_paisa,
        min(id) as first_ledger_id,
        max(id) as last_ledger_id
    from ledger
    where type in ('company_share', 'remainder')
    group by reference_id, type
)

select
    coalesce(e.order_id, a.order_id) as order_id,
    coalesce(e.line, a.line) as line,
    o.version_no,
    coalesce(e.amount_paisa, 0) as amount_paisa,
    coalesce(a.posted, 0) as posted,
    coalesce(a.posted_paisa, 0) as posted_paisa,
    a.first_ledger_id,
    a.last_ledger_id
from expected as e
full outer join actual as a on e.order_id = a.order_id and e.line = a.line
left join paid_orders as o on coalesce(e.order_id, a.order_id) = o.order_id
left join orders as s on coalesce(e.order_id, a.order_id) = s.id
where
    (coalesce(e.amount_paisa, 0) <> coalesce(a.posted_paisa, 0) or coalesce(a.posted, 0) > 1)
    and s.id is not null
    and coalesce(o.stands, true)
