-- In one row: the number of paid orders, and the number of those with a commissionable amount above the total.
select
    count(*) as orders,
    coalesce(sum(case when commission_amount_paisa > total_paisa then 1 else 0 end), 0)::BIGINT as above,
    coalesce(
        sum(case when commission_amount_paisa > total_paisa then commission_amount_paisa - total_paisa else 0 end), 0
    )::BIGINT as above_paisa,
    min(case when commission_amount_paisa > total_paisa then id end) as first_order_id
from orders
where paid_at is not null
