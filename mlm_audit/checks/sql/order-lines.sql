-- code: order-lines
-- title: An order's lines are not the expected ones
-- severity: high
-- needs: orders, commissions, ledger, matrix_nodes, users
-- proves: Nothing about an order's lines differs without another check naming it.
-- do: Compare the order's ledger rows and commission records with the plan one by one; look for a row with the wrong owner or level.
-- message: Order {order_id}: its lines differ from the plan's, though amounts and owners of the expected ones agree.
with named as (
    select order_id from level_faults
    union
    select order_id from company_faults
)

select
    s.order_id,
    s.member_id,
    0::BIGINT as amount_paisa,
    'unexplained' as cause,
    [{'table': 'order', 'id': s.order_id}] as evidence,
    s.order_id as key
from order_sums as s
left join named as n on s.order_id = n.order_id
where s.stands and s.differs and not s.has_unknown and n.order_id is null
