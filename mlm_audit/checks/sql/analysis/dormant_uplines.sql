-- Members who were credited level commission although their last standing order was `dormant_months` months or more ago, or who
-- never had an order and had been members for that long.
with moments as (
    select
        user_id as member_id,
        created_at as moment,
        amount_paisa,
        null::TIMESTAMP as ordered_at
    from ledger
    where type in ('sponsor_commission', 'repurchase_commission') and amount_paisa > 0
    union all
    select
        user_id as member_id,
        paid_at as moment,
        null::BIGINT as amount_paisa,
        paid_at as ordered_at
    from orders
    where paid_at is not null and status not in (select status from order_states where not stands)
),

known as (
    select
        member_id,
        moment,
        amount_paisa,
        max(ordered_at) over (partition by member_id order by moment) as last_order_at
    from moments
)

select
    k.member_id,
    count(*)::BIGINT as credits,
    sum(k.amount_paisa)::BIGINT as amount_paisa,
    max(k.last_order_at) as last_order_at,
    max(k.moment) as last_credit_at
from known as k
inner join people as p on k.member_id = p.id
cross join look_terms as t
where
    k.amount_paisa is not null
    and coalesce(k.last_order_at, p.created_at) <= k.moment - to_months(t.dormant_months)
group by k.member_id
order by amount_paisa desc, k.member_id
