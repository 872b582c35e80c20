-- Every order that was ever paid, with the amounts that its plan version gives for its commissionable amount C.
-- stands: false once it was refunded or cancelled; its postings must then add up to zero. An order with an unknown status counts
-- as standing, and another check reports it.
-- is_credited: the level commission is credited together with the order, as that of every joining order is. has_records: the platform
-- kept commission records when the order was paid.
select
    o.id as order_id,
    o.user_id as member_id,
    o.is_joining_order as is_joining,
    coalesce(w.stands, true) as stands,
    w.stands is not null as is_known_status,
    o.paid_at,
    m.month::INTEGER as month,
    v.version_no::SMALLINT as version_no,
    o.commission_amount_paisa as commission_paisa,
    share_of(o.commission_amount_paisa, v.company_bps) as company_paisa,
    case
        when o.is_joining_order
            then share_of(o.commission_amount_paisa - share_of(o.commission_amount_paisa, v.company_bps), v.joining_pot_bps)
        else o.commission_amount_paisa - share_of(o.commission_amount_paisa, v.company_bps)
    end as pot_paisa,
    o.is_joining_order or r.is_credited_at_once as is_credited,
    r.records_from is null or o.paid_at >= r.records_from as has_records
from orders as o
cross join rules as r
inner join plan_versions as v
    on o.paid_at >= v.starts_at and (v.ends_at is null or o.paid_at < v.ends_at)
inner join months as m
    on o.paid_at >= m.starts_at and o.paid_at < m.ends_at
left join order_states as w on o.status = w.status
where o.commission_amount_paisa >= 0
