-- code: platform-arithmetic
-- title: Amounts differ from exact arithmetic
-- severity: low
-- needs: orders, ledger, matrix_nodes, users
-- requires: arithmetic=binary_floor, ledger.reference_id
-- optional: none
-- determines: none
-- about: issue
-- slices: none
-- local: no
-- causes: binary-arithmetic
-- follows: none
-- explains: none
-- proves: Every posted amount is the one that the plan gives in exact arithmetic.
-- do: Compute shares with whole paisa and basis points instead of floating-point numbers; what was posted can stay as it is.
-- message: {lines_text} by one paisa each from exact arithmetic, because the platform computes shares in binary floating point and rounds down: {short_text} {short_paisa} too low, {long_text} {long_paisa} too high.
with posted as (
    select
        o.*,
        v.company_bps,
        v.joining_pot_bps,
        v.instalments,
        o.commission_paisa - o.commission_paisa * v.company_bps // 10000 as exact_rest_paisa
    from paid_orders as o
    inner join plan_versions as v on o.version_no = v.version_no
    where o.stands and o.order_id in (select order_id from order_postings)
),

pots as (
    select
        *,
        case when is_joining then exact_rest_paisa * joining_pot_bps // 10000 else exact_rest_paisa end as exact_pot_paisa
    from posted
),

lines as (
    select
        o.order_id,
        share_of(o.pot_paisa, case when o.is_joining then l.share_bps else l.repurchase_bps end)
        - o.exact_pot_paisa * case when o.is_joining then l.share_bps else l.repurchase_bps end // 10000 as off_paisa
    from pots as o
    inner join uplines as u on o.member_id = u.member_id
    inner join plan_levels as l on o.version_no = l.version_no and u.level = l.level
    union all
    select
        o.order_id,
        case
            when n.number = 1 then o.self_paisa - o.self_paisa // o.instalments * (o.instalments - 1)
            else o.self_paisa // o.instalments
        end
        - case
            when n.number = 1 then o.exact_self_paisa - o.exact_self_paisa // o.instalments * (o.instalments - 1)
            else o.exact_self_paisa // o.instalments
        end as off_paisa
    from (
        select
            *,
            commission_paisa - company_paisa - pot_paisa as self_paisa,
            exact_rest_paisa - exact_pot_paisa as exact_self_paisa
        from pots
        where is_joining
    ) as o
    inner join instalment_numbers as n on o.instalments >= n.number
),

of_orders as (
    select
        order_id,
        sum(case when off_paisa < 0 then 1 else 0 end)::BIGINT as short_lines,
        sum(case when off_paisa > 0 then 1 else 0 end)::BIGINT as long_lines,
        -sum(case when off_paisa < 0 then off_paisa else 0 end)::BIGINT as short_paisa,
        sum(case when off_paisa > 0 then off_paisa else 0 end)::BIGINT as long_paisa
    from lines
    where off_paisa <> 0
    group by order_id
),

summed as (
    select
        sum(short_lines)::BIGINT as short_lines,
        sum(long_lines)::BIGINT as long_lines,
        sum(short_paisa)::BIGINT as short_paisa,
        sum(long_paisa)::BIGINT as long_paisa,
        min(order_id) as first_order_id,
        list_sort(list(order_id)) as order_ids
    from of_orders
    having count(*) > 0
)

select
    null::BIGINT as member_id,
    null::BIGINT as order_id,
    long_paisa - short_paisa as amount_paisa,
    case when short_lines + long_lines = 1 then '1 amount differs' else short_lines + long_lines || ' amounts differ' end as lines_text,
    case when short_lines = 1 then '1 is' else short_lines || ' are together' end as short_text,
    case when long_lines = 1 then '1 is' else long_lines || ' are together' end as long_text,
    short_paisa,
    long_paisa,
    'binary-arithmetic' as cause,
    [{'table': 'order', 'id': first_order_id, 'order_ids': order_ids}] as evidence,
    'floor' as key
from summed
