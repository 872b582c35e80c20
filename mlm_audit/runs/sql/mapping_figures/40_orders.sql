-- what: paid orders have exactly the lines that the plan gives
-- needs: orders, ledger, matrix_nodes
-- next: run the reconciliation and explain one of the other orders: the plan, a convention or the platform may be wrong
select
    count(*) as total,
    coalesce(sum(case when differs then 0 else 1 end), 0) as good
from order_sums
where stands
