-- The split of each order.
select order_id, commission_paisa, company_paisa, members_paisa, unposted_paisa
from sim_split
order by order_id
