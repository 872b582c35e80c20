-- Self income of joining orders: the expected instalments against the schedule; only for the orders whose sums of hashed
-- instalments differ.
with all_self_income as (
    select
        o.order_id,
        o.member_id,
        v.instalments,
        o.commission_paisa - o.company_paisa - o.pot_paisa as self_paisa
    from paid_orders as o
    inner join plan_versions as v on o.version_no = v.version_no
    where o.stands and o.is_joining
),

due as (
    select
        s.order_id,
        sum((hash(n.number, s.member_id, case
            when n.number = 1 then s.self_paisa - s.self_paisa // s.instalments * (s.instalments - 1)
            else s.self_paisa // s.instalments
        end) >> 24)::BIGINT) as signature
    from all_self_income as s
    inner join instalment_numbers as n on s.instalments >= n.number
    where s.self_paisa >= s.instalments or (n.number = 1 and s.self_paisa > 0)
    group by s.order_id
),

planned as (
    select order_id, sum((hash(instalment::BIGINT, user_id, amount_paisa) >> 24)::BIGINT) as signature
    from payout_schedule
    where order_id is not null
    group by order_id
),

suspects as (
    select coalesce(d.order_id, p.order_id) as order_id
    from due as d
    full outer join planned as p on d.order_id = p.order_id
    where coalesce(d.signature, 0) <> coalesce(p.signature, 0)
),

self_income as (
    select * from all_self_income where order_id in (select order_id from suspects)
),

expected as (
    select
        s.order_id,
        s.member_id,
        n.number as instalment,
        case
            when n.number = 1 then s.self_paisa - s.self_paisa // s.instalments * (s.instalments - 1)
            else s.self_paisa // s.instalments
        end as amount_paisa
    from self_income as s
    inner join instalment_numbers as n on s.instalments >= n.number
),

actual as (
    select
        order_id,
        instalment,
        count(*) as scheduled,
        sum(amount_paisa)::BIGINT as scheduled_paisa,
        min(user_id) as member_low,
        max(user_id) as member_high,
        min(id) as first_schedule_id,
        max(id) as last_schedule_id
    from payout_schedule
    where order_id in (select order_id from suspects)
    group by order_id, instalment
)

select
    coalesce(e.order_id, a.order_id) as order_id,
    coalesce(e.instalment, a.instalment) as instalment,
    coalesce(e.member_id, a.member_low) as member_id,
    coalesce(e.amount_paisa, 0) as amount_paisa,
    coalesce(a.scheduled, 0) as scheduled,
    coalesce(a.scheduled_paisa, 0) as scheduled_paisa,
    a.first_schedule_id,
    a.last_schedule_id,
    case
        when e.order_id is null then 'unexpected'
        when a.order_id is null then 'missing'
        when a.scheduled > 1 then 'twice'
        when a.member_low <> e.member_id then 'beneficiary'
        else 'amount'
    end as fault
from (select * from expected where amount_paisa > 0) as e
full outer join actual as a on e.order_id = a.order_id and e.instalment = a.instalment
left join (select order_id, stands from paid_orders where order_id in (select order_id from suspects)) as o
    on coalesce(e.order_id, a.order_id) = o.order_id
left join (select id from orders where id in (select order_id from suspects)) as s on coalesce(e.order_id, a.order_id) = s.id
where
    (
        coalesce(e.amount_paisa, 0) <> coalesce(a.scheduled_paisa, 0)
        or a.scheduled > 1
        or a.member_low <> e.member_id
        or e.order_id is null
    )
    and s.id is not null
    and coalesce(o.stands, true)
