-- code: company-posting
-- title: The company's line of an order is wrong
-- severity: medium
-- needs: orders, ledger, commissions, matrix_nodes, users
-- requires: ledger.reference_id
-- optional: none
-- determines: commissions.level, ledger.(row), ledger.amount_paisa, ledger.level_depth, ledger.reference_id, ledger.type, orders.(row), orders.commission_amount_paisa, orders.is_joining_order, orders.paid_at, orders.status, orders.user_id
-- about: order
-- slices: order
-- local: yes
-- causes: company-line-lost, company-line-twice, order-not-paid, other-ledger-type, rate-of-other-version, rounding, wrong-amount
-- follows: order, buyer, row
-- explains: line
-- proves: The company's share, each rolled-up level and the remainder of every order are posted once, with the right amount.
-- do: Post or reverse the difference on the company's account as `mlm-audit remedy show` says.
-- message: Order {order_id}, {line}: {posted_paisa} is posted, {expected_paisa} is expected.
with lines as (
    select
        order_id,
        line,
        version_no,
        amount_paisa as expected_paisa,
        posted_paisa,
        posted,
        null::BIGINT as level,
        last_ledger_id,
        'ORDER_' || order_id || case when line = 'company_share' then '_COMPANY' else '_REMAINDER' end as key
    from company_faults
    union all
    select
        order_id,
        'roll-up of level ' || level as line,
        version_no,
        amount_paisa as expected_paisa,
        rolled_up_paisa as posted_paisa,
        rollups as posted,
        level,
        null::BIGINT as last_ledger_id,
        'ORDER_' || order_id || '_ROLLUP_L' || level as key
    from level_faults
    where fault in ('rollup-missing', 'rollup-twice', 'rollup-amount')
),

lost as (
    select key, expected_paisa from lines where posted = 0
),

-- A row with the key of a lost line is that line, even if it names another kind, owner, order or level.
otherwise as (
    select
        max(l.id) as ledger_id,
        max_by(l.type, l.id) as type,
        max_by(l.user_id, l.id) as user_id,
        max_by(l.reference_id, l.id) as reference_id,
        max_by(l.level_depth, l.id) as level_depth,
        max_by(l.ref, l.id) as ref,
        k.key
    from (
        select id, type, user_id, reference_id, level_depth, amount_paisa, ref, upper(trim(ref)) as key
        from ledger
        where ref is not null and amount_paisa in (select expected_paisa from lost)
    ) as l
    inner join lost as k on l.key = k.key and l.amount_paisa = k.expected_paisa
    where l.id not in (select of_id from corrections)
    group by k.key
)

select
    l.order_id,
    null::BIGINT as member_id,
    l.posted_paisa - l.expected_paisa as amount_paisa,
    l.line,
    l.posted_paisa,
    l.expected_paisa,
    case
        when x.ledger_id is not null then 'other-ledger-type'
        when l.posted = 0 then 'company-line-lost'
        when l.posted > 1 and l.posted_paisa > l.expected_paisa then 'company-line-twice'
        when l.expected_paisa = 0 and l.version_no is null then 'order-not-paid'
        when abs(l.posted_paisa - l.expected_paisa) = 1 then 'rounding'
        when v.version_no is not null then 'rate-of-other-version'
        else 'wrong-amount'
    end as cause,
    [{'table': 'order', 'id': l.order_id, 'line': l.line, 'expected_paisa': l.expected_paisa,
        'posted_paisa': l.posted_paisa}] as evidence,
    {
        'line': case when l.level is null then l.line else 'rollup_to_company' end,
        'level': l.level,
        'due_paisa': l.expected_paisa,
        'posted_paisa': l.posted_paisa,
        'order_status': o.status,
        'first_posted_at': t.first_at,
        'ledger_id': coalesce(l.last_ledger_id, w.rollup_id),
        'other_id': x.ledger_id,
        'other_type': x.type,
        'other_user_id': x.user_id,
        'other_reference_id': x.reference_id,
        'other_level': x.level_depth,
        'other_ref': x.ref,
        'is_same_row': x.user_id is null
    } as facts,
    l.order_id || '/' || l.line as key
from lines as l
left join line_rows as w on l.order_id = w.order_id and l.level = w.level
left join otherwise as x on l.key = x.key and l.posted = 0
left join (select * from orders where id in (select order_id from lines)) as o on l.order_id = o.id
left join (select * from order_sums where order_id in (select order_id from lines)) as t on l.order_id = t.order_id
left join plan_versions as v
    on l.version_no <> v.version_no and l.line = 'company_share'
    and l.posted_paisa = o.commission_amount_paisa * v.company_bps // 10000
