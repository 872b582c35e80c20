-- what: matrix nodes below another have a parent that is a node
-- needs: matrix_nodes
-- next: run the tree health check: it lists the nodes
select
    count(*) as total,
    coalesce(sum(case when p.user_id is not null then 1 else 0 end), 0) as good
from matrix_nodes as n
left join (select distinct user_id from matrix_nodes) as p on n.parent_id = p.user_id
where n.parent_id is not null
