-- The time at which each buyer first paid for an order, including orders that no plan version covers.
select
    user_id as member_id,
    min(paid_at) as first_paid_at
from orders
where paid_at is not null
group by user_id
