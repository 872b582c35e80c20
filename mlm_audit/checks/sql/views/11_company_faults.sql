-- The company's own lines per order, its share and (if the plan posts it) the remainder; only the lines that differ.
with suspects as (
    select
        s.order_id,
        case when s.stands then coalesce(o.company_paisa, 0) else 0 end as share_paisa,
        coalesce(s.remainder_paisa, 0) as remainder_paisa
    from order_sums as s
    left join (select order_id, company_paisa from paid_orders where order_id in (select order_id from order_sums where differs)) as o
        on s.order_id = o.order_id
    where s.differs and coalesce(s.stands, true)
),

expected as (
    select order_id, 'company_share' as line, share_paisa as amount_paisa
    from suspects
    where share_paisa > 0
    union all
    select order_id, 'remainder' as line, remainder_paisa as amount_paisa
    from suspects
    where remainder_paisa > 0
),

actual as (
    select
        reference_id as order_id,
        type as line,
        sum(case when amount_paisa < 0 then -1 else 1 end)::BIGINT as posted,
        sum(amount_paisa)::BIGINT as posted_paisa,
        coalesce(max(case when amount_paisa > 0 then id end), max(id)) as last_ledger_id
    from ledger
    where type in ('company_share', 'remainder') and reference_id in (select order_id from suspects)
    group by reference_id, type
),

compared as (
    select
        coalesce(e.order_id, a.order_id) as order_id,
        coalesce(e.line, a.line) as line,
        coalesce(e.amount_paisa, 0) as amount_paisa,
        coalesce(a.posted, 0) as posted,
        coalesce(a.posted_paisa, 0) as posted_paisa,
        a.last_ledger_id
    from expected as e
    full outer join actual as a on e.order_id = a.order_id and e.line = a.line
)

select
    c.*,
    o.version_no
from compared as c
inner join (select id from orders where id in (select order_id from suspects)) as s on c.order_id = s.id
left join (select order_id, version_no from paid_orders where order_id in (select order_id from suspects)) as o
    on c.order_id = o.order_id
where c.amount_paisa <> c.posted_paisa
