-- code: refund-not-reversed
-- title: A refunded order kept its postings
-- severity: high
-- needs: orders, commissions, ledger, payout_schedule, authorisations
-- requires: ledger.reference_id
-- optional: none
-- determines: commissions.(row), commissions.amount_paisa, commissions.order_id, commissions.type, ledger.(row), ledger.amount_paisa, ledger.reference_id, ledger.type, orders.status
-- about: order
-- slices: order, payout
-- local: yes
-- causes: refund-commission-kept
-- follows: none
-- explains: month
-- proves: All postings for an order that no longer stands add up to zero.
-- do: Reverse the rest as `mlm-audit remedy show` says: commissions, the company's lines and paid instalments; remove the instalments that are not paid yet.
-- message: Order {order_id} no longer stands, but {amount_paisa} of its commission is still posted.
with credited as (
    -- The remaining ledger amount of a paid instalment, net of negative payouts and recoveries.
    select s.id, s.order_id, s.user_id, s.status, s.amount_paisa, sum(l.amount_paisa)::BIGINT as credited_paisa, max(l.id) as ledger_id
    from (select * from payout_schedule where order_id in (select order_id from order_sums where not stands)) as s
    left join (
        select reference_id, amount_paisa, id from ledger where type = 'self_payout'
        union all
        select reference_id, amount_paisa, ledger_id as id from corrections where own_type = 'adjustment' and type = 'self_payout'
    ) as l on s.id = l.reference_id
    group by s.id, s.order_id, s.user_id, s.status, s.amount_paisa
),

scheduled as (
    select
        order_id,
        sum(case when status = 'pending' then amount_paisa when status = 'paid' then coalesce(credited_paisa, 0) else 0 end)::BIGINT
            as scheduled_paisa
    from credited
    group by order_id
),

-- Amounts recovered by an authorised adjustment that names the order.
adjusted as (
    select n.reference_id as order_id, sum(n.amount_paisa)::BIGINT as adjusted_paisa
    from noted_rows as n
    inner join authorisations as a on n.ref = a.reference and n.user_id = a.user_id and n.amount_paisa = a.amount_paisa
    where n.type = 'adjustment'
    group by n.reference_id
),

left_over as (
    select
        s.member_id,
        s.order_id,
        s.posted_paisa + coalesce(i.scheduled_paisa, 0) + coalesce(a.adjusted_paisa, 0) as amount_paisa
    from order_sums as s
    left join scheduled as i on s.order_id = i.order_id
    left join adjusted as a on s.order_id = a.order_id
    where not s.stands and s.posted_paisa + coalesce(i.scheduled_paisa, 0) + coalesce(a.adjusted_paisa, 0) <> 0
),

lines as (
    select
        order_id,
        table_name,
        max(id) as id,
        user_id,
        kind,
        level,
        reference_id,
        sum(amount_paisa)::BIGINT as amount_paisa,
        status,
        null::BIGINT as from_user_id,
        false as is_whole
    from fallen_lines
    where table_name = 'ledger' and not is_correction and order_id in (select order_id from left_over)
    group by order_id, table_name, user_id, kind, level, reference_id, status
    having sum(amount_paisa) <> 0
    union all
    -- The rest of a line's records with one holder; is_whole: the rest is one record that was not reduced.
    select
        order_id,
        table_name,
        coalesce(max(case when amount_paisa > 0 then id end), max(id)) as id,
        user_id,
        kind,
        level,
        reference_id,
        sum(amount_paisa)::BIGINT as amount_paisa,
        coalesce(max_by(status, case when amount_paisa > 0 then id end), max_by(status, id)) as status,
        max(from_user_id) as from_user_id,
        count(*) = 1 as is_whole
    from fallen_lines
    where table_name = 'commissions' and order_id in (select order_id from left_over)
    group by order_id, table_name, user_id, kind, level, reference_id
    having sum(amount_paisa) <> 0
    union all
    select
        order_id, 'SelfPayoutSchedule' as table_name, id, user_id, 'self_payout' as kind, ledger_id as level, id as reference_id,
        case when status = 'paid' then credited_paisa else amount_paisa end as amount_paisa, status,
        null::BIGINT as from_user_id, false as is_whole
    from credited
    where order_id in (select order_id from left_over) and (status = 'pending' or (status = 'paid' and credited_paisa <> 0))
),

lists as (
    select
        l.order_id,
        list_sort(list({
            'table': l.table_name,
            'id': l.id,
            'user_id': l.user_id,
            'kind': l.kind,
            'level': l.level,
            'reference_id': l.reference_id,
            'amount_paisa': l.amount_paisa,
            'status': l.status,
            'from_user_id': l.from_user_id,
            'is_whole': l.is_whole,
            'books': g.books
        })) as lines
    from lines as l
    left join paid_orders as o on l.order_id = o.order_id
    left join month_facts as g
        on l.table_name = 'commissions' and l.user_id = g.member_id and o.month = g.month
    group by l.order_id
)

select
    f.*,
    'refund-commission-kept' as cause,
    [{'table': 'order', 'id': f.order_id, 'posted_paisa': f.amount_paisa}] as evidence,
    {'month': o.month, 'lines': l.lines, 'totals': t.totals} as facts,
    f.order_id as key
from left_over as f
left join paid_orders as o on f.order_id = o.order_id
left join lists as l on f.order_id = l.order_id
left join month_sums as t on o.month = t.month
