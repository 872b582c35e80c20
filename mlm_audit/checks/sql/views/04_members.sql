-- Every member, with the known facts about when an order below them earns them commission.
-- active_from: from this time on they are certainly active. unknown_from: from this time on their activity is unknown: they were
-- active once and are not today, or they are active today without an order that dates the start. Before both times, and if both
-- are null, they are inactive.
-- repurchase_from: from this time on they may get commission of repurchases, where the 3-3 rule applies to each order.
select
    u.id as member_id,
    case
        when not (u.is_active and not u.is_blocked) then null
        when r.active_from = 'registration' then '1900-01-01'::TIMESTAMP
        else f.first_paid_at
    end as active_from,
    case
        when r.active_from = 'registration'
            then case when u.is_active and not u.is_blocked then null else '1900-01-01'::TIMESTAMP end
        when not (u.is_active and not u.is_blocked) then f.first_paid_at
        when f.first_paid_at is null then '1900-01-01'::TIMESTAMP
    end as unknown_from,
    case when r.three_three_per_order then t.since else '1900-01-01'::TIMESTAMP end as repurchase_from
from users as u
left join first_paid as f on u.id = f.member_id
left join three_three_met as t on u.id = t.member_id
cross join rules as r
