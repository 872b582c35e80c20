-- The rows behind each line that differs, for its remedy: the commission record that does not match the line, otherwise the last one; the
-- last ledger row; and the totals of the month.
with records as (
    select
        order_id,
        level,
        id as record_id,
        amount_paisa as record_paisa,
        status as record_status,
        user_id as record_user_id,
        from_user_id as record_from_id
    from (
        select
            c.order_id,
            c.level,
            c.id,
            c.amount_paisa,
            c.status,
            c.user_id,
            c.from_user_id,
            row_number() over (
                partition by c.order_id, c.level
                order by
                    -- A reversing row is not the line, unless there is no other row.
                    case when c.amount_paisa < 0 then 1 else 0 end,
                    -- Of several rows, the one that does not match the line, by its amount first; otherwise the last.
                    case when c.amount_paisa is distinct from f.amount_paisa then 0 else 1 end,
                    case when c.user_id is distinct from f.upline_id or c.from_user_id is distinct from f.buyer_id then 0 else 1 end,
                    c.id desc
            ) as place
        from commissions as c
        inner join level_faults as f on c.order_id = f.order_id and c.level is not distinct from f.level
        where c.type in ('joining', 'repurchase')
    ) as c
    where place = 1
),

credits as (
    select
        reference_id as order_id,
        level_depth as level,
        max(id) as credit_id,
        max_by(user_id, id) as credit_user_id,
        max_by(amount_paisa, id) as credit_row_paisa
    from (
        select *, max(amount_paisa) over (partition by reference_id, level_depth) as most_paisa
        from ledger
        where
            type = 'sponsor_commission' and reference_id in (select order_id from level_faults)
            and id not in (select of_id from corrections)
    ) as l
    where amount_paisa >= 0 or most_paisa is null
    group by reference_id, level_depth
),

rollups as (
    select
        reference_id as order_id,
        level_depth as level,
        max(id) as rollup_id
    from (
        select *, max(amount_paisa) over (partition by reference_id, level_depth) as most_paisa
        from ledger
        where
            type = 'rollup_to_company' and reference_id in (select order_id from level_faults)
            and id not in (select of_id from corrections)
    ) as l
    where amount_paisa >= 0 or most_paisa is null
    group by reference_id, level_depth
)

select
    f.order_id,
    f.level,
    w.rollup_id,
    {
        'upline_id': f.upline_id,
        'level': f.level,
        'due_paisa': f.amount_paisa,
        'records': f.records,
        'credits': f.credits,
        'rollups': f.rollups,
        'recorded_paisa': f.recorded_paisa,
        'credited_paisa': f.credited_paisa,
        'rolled_up_paisa': f.rolled_up_paisa,
        'record_id': r.record_id,
        'record_paisa': r.record_paisa,
        'record_status': r.record_status,
        'record_user_id': r.record_user_id,
        'record_from_id': r.record_from_id,
        'credit_id': c.credit_id,
        'credit_user_id': c.credit_user_id,
        'credit_row_paisa': c.credit_row_paisa,
        'rollup_id': w.rollup_id,
        'buyer_id': o.user_id,
        'is_joining': o.is_joining_order,
        'month': p.month,
        'paid_at': p.paid_at,
        'is_swept': t.month is not null,
        'is_eligible': g.is_eligible,
        'books': g.books,
        'holder_books': h.books,
        'totals': t.totals,
        -- The number of lines of the order that went to another member than the tree gives, or to a member instead of the company, or vice versa.
        'wrong_owners': count(
            case
                when f.fault in ('beneficiary', 'inactive-upline') and f.member_high > 0 then 1
                when f.fault = 'unexpected' and f.member_high > 0 and f.order_stands and p.pot_paisa > 0 then 1
                when f.fault = 'rolled-up' then 1
            end
        ) over (partition by f.order_id)
    } as line
from level_faults as f
left join records as r on f.order_id = r.order_id and f.level is not distinct from r.level
left join credits as c on f.order_id = c.order_id and f.level is not distinct from c.level
left join rollups as w on f.order_id = w.order_id and f.level is not distinct from w.level
left join (select * from orders where id in (select order_id from level_faults)) as o on f.order_id = o.id
left join (select * from paid_orders where order_id in (select order_id from level_faults)) as p on f.order_id = p.order_id
left join month_facts as g
    on coalesce(f.upline_id, f.member_high) = g.member_id and p.month = g.month
left join month_facts as h
    on r.record_user_id = h.member_id and p.month = h.month
left join month_sums as t on p.month = t.month
