-- The amounts of every member for the requested months: levels, and self income of their own joining order.
with parts as (
    select upline_id as member_id, amount_paisa from sim_lines where to_member
    union all
    select member_id, self_paisa as amount_paisa from sim_orders
)

select
    member_id,
    sum(amount_paisa)::BIGINT as amount_paisa
from parts
group by member_id
