-- The expected level lines of the orders whose lines are not proven to be the same.
select e.*
from level_expected_all as e
where e.order_id in (select order_id from order_sums where differs)
