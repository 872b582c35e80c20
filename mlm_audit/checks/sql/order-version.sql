-- code: order-version
-- title: Orders were split by another version of the plan
-- severity: critical
-- needs: orders, commissions, ledger, payout_schedule, matrix_nodes, users
-- requires: ledger.reference_id
-- optional: none
-- determines: orders.paid_at
-- about: issue
-- slices: none
-- local: yes
-- causes: inactive-upline, order-of-other-version
-- follows: none
-- explains: orders
-- proves: No order has all its lines from a version of the plan that was not in force when it was paid.
-- do: Find out whether the dates of the plan's versions or the orders' times of payment were changed, and correct them; reverse nothing before that.
-- message: {orders_text} split by version {other_name}, although version {name} was in force.
with changed as (
    select
        o.order_id,
        o.paid_at,
        o.is_joining,
        o.is_credited,
        o.version_no,
        o.commission_paisa,
        o.company_paisa,
        v.version_no as other_no,
        v.name as other_name,
        share_of(o.commission_paisa, v.company_bps) as other_company_paisa,
        case
            when o.is_joining
                then share_of(o.commission_paisa - share_of(o.commission_paisa, v.company_bps), v.joining_pot_bps)
            else o.commission_paisa - share_of(o.commission_paisa, v.company_bps)
        end as other_pot_paisa
    from (
        select * from paid_orders
        where order_id in (select order_id from level_faults) or order_id in (select order_id from company_faults)
    ) as o
    inner join plan_versions as v on o.version_no <> v.version_no
    where o.stands
),

-- Lines that the other version does not explain.
unexplained as (
    select c.order_id, c.other_no
    from level_faults as f
    inner join changed as c on f.order_id = c.order_id
    left join plan_levels as l on c.other_no = l.version_no and f.level = l.level
    where
        f.fault not in ('amount', 'rollup-amount', 'unexpected', 'missing', 'rollup-missing', 'inactive-upline')
        or case
            when f.rollups > 0 then f.rolled_up_paisa
            when f.has_records then f.recorded_paisa
            else f.credited_paisa
        end <> coalesce(share_of(c.other_pot_paisa, case when c.is_joining then l.share_bps else l.repurchase_bps end), 0)
        or (f.rollups = 0 and c.is_credited and f.has_records and f.credited_paisa <> f.recorded_paisa)
    union all
    select c.order_id, c.other_no
    from changed as c
    left join (select order_id, posted_paisa from company_faults where line = 'company_share') as s on c.order_id = s.order_id
    where coalesce(s.posted_paisa, c.company_paisa) <> c.other_company_paisa
),

proven as (
    select c.*
    from changed as c
    left join unexplained as u on c.order_id = u.order_id and c.other_no = u.other_no
    where u.order_id is null
)

select
    null::BIGINT as member_id,
    case when count(*) = 1 then min(p.order_id) end as order_id,
    0::BIGINT as amount_paisa,
    case
        when count(*) = 1 then 'Order ' || min(p.order_id) || ' was'
        else count(*) || ' orders, starting with order ' || min(p.order_id) || ', were'
    end as orders_text,
    min(p.other_name) as other_name,
    min(v.name) as name,
    'order-of-other-version' as cause,
    [{'table': 'order', 'id': min(p.order_id)}, {'table': 'order', 'id': max(p.order_id)}] as evidence,
    {'order_ids': list_sort(list(p.order_id)), 'first_paid_at': min(p.paid_at), 'last_paid_at': max(p.paid_at)} as facts,
    p.version_no || '/' || p.other_no as key
from proven as p
inner join plan_versions as v on p.version_no = v.version_no
group by p.version_no, p.other_no
