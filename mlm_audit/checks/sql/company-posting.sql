-- code: company-posting
-- title: The company's line of an order is wrong
-- severity: medium
-- needs: orders, ledger, commissions, matrix_nodes, users
-- proves: The company's share, each rolled-up level and the remainder of every order are posted once, with the right amount.
-- do: Post or reverse the difference on the company's account, with the order as reference.
-- message: Order {order_id}, {line}: {posted_paisa} posted, {expected_paisa} expected.
with lines as (
    select
        order_id,
        line,
        version_no,
        amount_paisa as expected_paisa,
        posted_paisa,
        posted
    from company_faults
    union all
    select
        order_id,
        'roll-up of level ' || level as line,
        version_no,
        amount_paisa as expected_paisa,
        rolled_up_paisa as posted_paisa,
        rollups as posted
    from level_faults
    where fault in ('rollup-missing', 'rollup-twice', 'rollup-amount')
)

select
    l.order_id,
    null::BIGINT as member_id,
    l.posted_paisa - l.expected_paisa as amount_paisa,
    l.line,
    l.posted_paisa,
    l.expected_paisa,
    case
        when l.posted = 0 then 'company-line-lost'
        when l.posted > 1 then 'company-line-twice'
        when l.expected_paisa = 0 then 'order-not-paid'
        when abs(l.posted_paisa - l.expected_paisa) = 1 then 'rounding'
        when v.version_no is not null then 'rate-of-other-version'
        else 'wrong-amount'
    end as cause,
    [{'table': 'order', 'id': l.order_id, 'line': l.line, 'expected_paisa': l.expected_paisa,
        'posted_paisa': l.posted_paisa}] as evidence,
    l.order_id || '/' || l.line as key
from lines as l
left join orders as o on l.order_id = o.id
left join plan_versions as v
    on l.version_no <> v.version_no and l.line = 'company_share'
    and l.posted_paisa = o.commission_amount_paisa * v.company_bps // 10000
