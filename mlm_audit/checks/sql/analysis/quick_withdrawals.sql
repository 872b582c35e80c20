-- Withdrawals requested within `quick_minutes` of a release of repurchase commission, for `quick_bps` or more of the wallet balance
-- after the release.
with met as (
    select
        w.id as withdrawal_id,
        w.user_id as member_id,
        w.amount_paisa,
        f.requested_at,
        l.created_at as released_at,
        l.id as ledger_id,
        coalesce(l.balance_after_paisa, l.amount_paisa) as balance_paisa
    from withdrawals as w
    inner join withdrawal_facts as f on w.id = f.id
    inner join ledger as l on w.user_id = l.user_id and l.type = 'repurchase_commission' and l.amount_paisa > 0
    cross join look_terms as t
    where f.requested_at >= l.created_at and f.requested_at <= l.created_at + to_minutes(t.quick_minutes)
    qualify row_number() over (partition by w.id order by l.created_at desc, l.id desc) = 1
)

select
    m.member_id,
    count(*)::BIGINT as withdrawals,
    max(m.withdrawal_id) as last_withdrawal_id,
    min((epoch_us(m.requested_at) - epoch_us(m.released_at)) // 60000000)::BIGINT as fewest_minutes,
    sum(m.amount_paisa)::BIGINT as amount_paisa
from met as m
cross join look_terms as t
where m.amount_paisa::HUGEINT * 10000 >= m.balance_paisa::HUGEINT * t.quick_bps
group by m.member_id
order by amount_paisa desc, m.member_id
