-- The sources of the level commission on the orders paid in the period (`asked`), and the buyers. A builder is a member who has
-- sponsored a member or was ever credited a level amount; every other member only buys and is a customer.
-- Commission counts if it reached a member (status 'released'); a refund's reversal is a negative row and is subtracted.
with builders as (
    select sponsor_id as member_id from people where sponsor_id <> id
    union
    select user_id as member_id
    from commissions
    where type in ('joining', 'repurchase') and status = 'released' and amount_paisa > 0
),

paid as (
    select
        o.id as order_id,
        coalesce(o.is_joining_order, false) as is_joining,
        b.member_id is not null as by_builder,
        case
            when o.status in (select status from order_states where not stands) then 0
            else f.total_paisa
        end as total_paisa
    from orders as o
    inner join order_facts as f on o.id = f.id
    left join builders as b on o.user_id = b.member_id
    cross join asked as a
    where o.paid_at >= a.starts_at and o.paid_at < a.ends_at
),

sales as (
    select
        coalesce(sum(total_paisa), 0)::BIGINT as sales_paisa,
        coalesce(sum(case when is_joining then total_paisa else 0 end), 0)::BIGINT as joining_sales_paisa,
        coalesce(sum(case when by_builder then 0 else total_paisa end), 0)::BIGINT as customer_sales_paisa
    from paid
),

commission as (
    select
        coalesce(sum(case when c.type = 'joining' then c.amount_paisa else 0 end), 0)::BIGINT as recruiting_paisa,
        coalesce(sum(case when c.type = 'repurchase' then c.amount_paisa else 0 end), 0)::BIGINT as products_paisa,
        coalesce(sum(case when c.type = 'repurchase' and not p.by_builder then c.amount_paisa else 0 end), 0)::BIGINT
            as customer_products_paisa
    from commissions as c
    inner join paid as p on c.order_id = p.order_id
    where c.type in ('joining', 'repurchase') and c.status = 'released'
)

select c.*, s.*
from commission as c
cross join sales as s
