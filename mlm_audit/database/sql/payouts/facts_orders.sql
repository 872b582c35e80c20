-- The statuses of the orders of instalments, without a lock: for stating what a run will pay.
select id, status
from "order"
where id in (:ids)
