-- code: commission-record
-- title: A commission record names the wrong source
-- severity: medium
-- needs: orders, commissions, ledger, matrix_nodes, users
-- requires: ledger.reference_id
-- optional: none
-- determines: commissions.from_user_id, commissions.type, orders.user_id
-- about: order
-- slices: order
-- local: yes
-- causes: generated-by-other, record-kind-wrong, record-misnamed
-- follows: order, row
-- explains: month
-- proves: Every commission record names its order's buyer as the member who generated it, and is of type joining if and only if the order is a joining order.
-- do: Correct the record; if every record of an order names a different buyer, correct the order's buyer instead.
-- message: Order {order_id}, level {level}: {what}.
select
    f.upline_id as member_id,
    f.order_id,
    0::BIGINT as amount_paisa,
    f.level,
    case
        when f.fault = 'record-kind' and f.is_joining then 'the record is not of type joining, although the order is a joining order'
        when f.fault = 'record-kind' then 'the record is of type joining, although the order is a repurchase'
        when f.from_low is null then 'the record does not name the member who generated it'
        else 'the record names member ' || case when f.from_low <> f.buyer_id then f.from_low else f.from_high end
            || ' as the buyer, but the order belongs to member ' || f.buyer_id
    end as what,
    case when f.fault = 'record-kind' then 'record-kind-wrong' else 'generated-by-other' end as cause,
    [{'table': 'order', 'id': f.order_id, 'level': f.level, 'buyer_id': f.buyer_id, 'from_user_id': f.from_low}] as evidence,
    {
        'record_id': w.line.record_id,
        'buyer_id': f.buyer_id,
        'from_id': f.from_low,
        'is_joining': f.is_joining,
        'month': w.line.month,
        'status': w.line.record_status,
        'holder_id': w.line.record_user_id,
        'recorded_paisa': w.line.recorded_paisa,
        'stray_id': null::BIGINT,
        'stray_order_id': null::BIGINT,
        'all_agree': false
    } as facts,
    f.order_id || '/' || f.level as key
from level_faults as f
left join line_rows as w on f.order_id = w.order_id and f.level = w.level
where f.fault in ('generated-by', 'record-kind')
union all
-- The records of an order that no longer stands: a record and its reversal name the same buyer.
select
    c.user_id as member_id,
    c.order_id,
    0::BIGINT as amount_paisa,
    c.level,
    'record ' || c.id || ' names ' || coalesce('member ' || c.from_user_id || ' as the buyer', 'no buyer')
        || ', but the order belongs to member ' || o.member_id as what,
    case when t.order_id is not null then 'record-misnamed' else 'generated-by-other' end as cause,
    [{'table': 'commissions', 'id': c.id, 'level': null::BIGINT, 'buyer_id': null::BIGINT, 'from_user_id': null::BIGINT}] as evidence,
    {
        'record_id': c.id,
        'buyer_id': o.member_id,
        'from_id': c.from_user_id,
        'is_joining': c.kind = 'joining',
        'month': null::INTEGER,
        'status': null::VARCHAR,
        'holder_id': null::BIGINT,
        'recorded_paisa': null::BIGINT,
        'stray_id': case when t.order_id is not null then c.id end,
        'stray_order_id': t.order_id,
        -- If every record of the order names the same other member, the order itself may have been edited.
        'all_agree': a.order_id is not null
    } as facts,
    c.order_id || '/' || coalesce(c.level, 0) || '/' || c.id as key
from fallen_lines as c
inner join (select order_id, member_id from order_sums where not stands) as o on c.order_id = o.order_id
left join (
    select order_id
    from fallen_lines
    where table_name = 'commissions'
    group by order_id
    having count(*) > 2 and count(*) = count(from_user_id) and min(from_user_id) = max(from_user_id)
) as a on c.order_id = a.order_id
-- The only order of the buyer named by the record on which exactly this record cancels the remaining amount.
left join (
    select r.id, max(t.order_id) as order_id
    from fallen_lines as r
    inner join (
        select f.order_id, s.member_id, f.user_id, f.level, sum(f.amount_paisa)::BIGINT as left_paisa
        from fallen_lines as f
        inner join order_sums as s on f.order_id = s.order_id
        where f.table_name = 'commissions'
        group by f.order_id, s.member_id, f.user_id, f.level
    ) as t
        on r.from_user_id = t.member_id and r.user_id = t.user_id and r.level = t.level and r.amount_paisa = -t.left_paisa
        and r.order_id <> t.order_id
    where r.table_name = 'commissions'
    group by r.id
    having count(*) = 1
) as t on c.id = t.id
where c.table_name = 'commissions' and c.from_user_id is distinct from o.member_id
