-- code: impossible-date
-- title: An impossible date
-- severity: medium
-- needs: ledger, orders, commissions, withdrawals, payout_schedule, payout_history, users, matrix_nodes
-- requires: none
-- optional: ledger, orders, commissions, withdrawals, payout_schedule, payout_history, users, matrix_nodes
-- determines: commissions.created_at, commissions.order_id, commissions.processed_at, ledger.created_at, ledger.reference_id, ledger.type, orders.created_at, orders.paid_at, orders.user_id, payout_history.created_at, payout_schedule.created_at, payout_schedule.payout_date, payout_schedule.processed_at, users.created_at, withdrawals.processed_at, withdrawals.requested_at
-- about: issue
-- slices: none
-- local: yes
-- causes: dated-before-source, dated-in-future
-- follows: row
-- explains: none
-- proves: No row is dated after the time of reading, and no row is dated before its source: a posting before its order, a payout before its due date, a release before its month has ended, a decision before its request. Clocks may differ by an hour.
-- do: Find out which system or person wrote the date; other checks verify the amounts of this row.
-- message: {table_name} row {row_id} {what}.
with dated as (
    -- The latest time in a large table is read first, because there is hardly ever a row to find.
    select
        'ledger' as table_name,
        l.id,
        l.user_id,
        case when l.type in ('sponsor_commission', 'company_share', 'rollup_to_company', 'remainder') then l.reference_id end as order_id,
        'is dated in the future' as what
    from ledger as l
    inner join (select * from rules where future_after < (select max(created_at) from ledger)) as r on l.created_at > r.future_after
    union all
    select
        'order' as table_name, s.order_id as id, s.member_id as user_id, s.order_id,
        'has a posting or a commission record that is older than its payment' as what
    from order_sums as s
    where s.is_early
    union all
    select
        'ledger' as table_name, l.id, l.user_id, s.order_id,
        case
            when epoch_us(l.created_at) < epoch_us(s.payout_date) - 3600000000 then 'paid an instalment before it was due'
            else 'is older than the decision that it follows from'
        end as what
    from ledger as l
    inner join payout_schedule as s on l.reference_id = s.id
    where
        l.type = 'self_payout' and l.reference_id in (select schedule_id from payout_suspects where is_early)
        and (
            epoch_us(l.created_at) < epoch_us(s.payout_date) - 3600000000
            or (s.status = 'paid' and epoch_us(l.created_at) < epoch_us(s.processed_at) - 3600000000)
        )
    union all
    select
        'ledger' as table_name, l.id, l.user_id, null::BIGINT as order_id,
        'decided commission of a month that had not ended' as what
    from ledger as l
    inner join months as m on l.reference_id = m.month
    where l.type = 'repurchase_commission' and l.created_at < m.ends_at
    union all
    select
        'ledger' as table_name, l.id, l.user_id, null::BIGINT as order_id, 'debited a withdrawal before it was requested' as what
    from ledger as l
    inner join withdrawals as w on l.reference_id = w.id
    where l.type = 'withdrawal' and epoch_us(l.created_at) < epoch_us(w.requested_at) - 3600000000
    union all
    select 'commissions' as table_name, c.id, c.user_id, c.order_id, 'is dated in the future' as what
    from commissions as c
    cross join (
        select * from rules where future_after < (select greatest(max(created_at), max(processed_at)) from commissions)
    ) as r
    where c.created_at > r.future_after or c.processed_at > r.future_after
    union all
    select 'commissions' as table_name, c.id, c.user_id, c.order_id, 'was decided before it was recorded' as what
    from noted_commissions as c
    cross join rules as r
    where
        epoch_us(c.processed_at) < epoch_us(c.created_at) - 3600000000
        and not coalesce(c.created_at > r.future_after or c.processed_at > r.future_after, false)
    union all
    select
        'order' as table_name, o.id, o.user_id, o.id as order_id,
        case
            when o.paid_at > r.future_after or o.created_at > r.future_after then 'is dated in the future'
            else 'was paid before it was placed'
        end as what
    from orders as o
    cross join rules as r
    where
        o.paid_at > r.future_after
        or o.created_at > r.future_after
        or epoch_us(o.paid_at) < epoch_us(o.created_at) - 3600000000
    union all
    select
        'withdrawal_requests' as table_name, w.id, w.user_id, null::BIGINT as order_id,
        case
            when w.requested_at > r.future_after or w.processed_at > r.future_after then 'is dated in the future'
            else 'was decided before it was requested'
        end as what
    from withdrawals as w
    cross join rules as r
    where
        w.requested_at > r.future_after
        or w.processed_at > r.future_after
        or epoch_us(w.processed_at) < epoch_us(w.requested_at) - 3600000000
    union all
    select
        'SelfPayoutSchedule' as table_name, s.id, s.user_id, s.order_id,
        case
            when s.processed_at > r.future_after or s.created_at > r.future_after then 'is dated in the future'
            else 'was paid before it was due'
        end as what
    from payout_schedule as s
    cross join rules as r
    where
        s.processed_at > r.future_after
        or s.created_at > r.future_after
        or (s.status = 'paid' and epoch_us(s.processed_at) < epoch_us(s.payout_date) - 3600000000)
    union all
    select
        'PayoutHistory' as table_name, h.id, h.user_id, null::BIGINT as order_id, 'is dated in the future' as what
    from payout_history as h
    cross join rules as r
    where h.created_at > r.future_after
    union all
    select
        'users' as table_name, u.id, u.id as user_id, null::BIGINT as order_id,
        case when u.created_at > r.future_after then 'is dated in the future' else 'joined after having paid an order' end as what
    from users as u
    cross join rules as r
    left join first_paid as f on u.id = f.member_id
    where u.created_at > r.future_after or epoch_us(f.first_paid_at) < epoch_us(u.created_at) - 3600000000
),

-- For an order with an impossible time of payment: the month of that time, the month in which its lines were posted, and the records
-- that are therefore summed for the wrong month. is_moved: the months differ, and nothing was posted or recorded at about that time;
-- otherwise a single row may name the wrong order.
moved as (
    select
        p.order_id,
        p.month,
        m.month as posted_month,
        coalesce(
            p.month <> m.month
            and (
                epoch_us(max(t.last_at)) < epoch_us(max(p.paid_at)) - 3600000000
                or epoch_us(min(t.first_at)) > epoch_us(min(p.paid_at)) + 3600000000
            ),
            false
        ) as is_moved,
        list_sort(list({'user_id': c.user_id, 'status': c.status, 'amount_paisa': c.amount_paisa})) as records
    from (select * from paid_orders where order_id in (select id from dated where table_name = 'order')) as p
    inner join (select order_id, first_at from order_sums where order_id in (select id from dated where table_name = 'order')) as s
        on p.order_id = s.order_id
    inner join months as m on s.first_at >= m.starts_at and s.first_at < m.ends_at
    left join (
        select order_id, user_id, status, amount_paisa
        from commissions
        where type = 'repurchase' and order_id in (select id from dated where table_name = 'order')
    ) as c on p.order_id = c.order_id
    left join (
        select order_id, min(created_at) as first_at, max(created_at) as last_at
        from (
            select order_id, created_at
            from commissions
            where
                type in ('joining', 'repurchase') and amount_paisa > 0
                and order_id in (select id from dated where table_name = 'order')
            union all
            select reference_id as order_id, created_at
            from ledger
            where
                type in ('sponsor_commission', 'rollup_to_company', 'company_share', 'remainder') and amount_paisa > 0
                and reference_id in (select id from dated where table_name = 'order')
        ) as rows_of_order
        group by order_id
    ) as t on p.order_id = t.order_id
    group by p.order_id, p.month, m.month
)

select
    d.user_id as member_id,
    d.order_id,
    0::BIGINT as amount_paisa,
    d.table_name,
    d.id as row_id,
    d.what,
    case when d.what = 'is dated in the future' then 'dated-in-future' else 'dated-before-source' end as cause,
    [{'table': d.table_name, 'id': d.id}] as evidence,
    {'month': m.month, 'posted_month': m.posted_month, 'is_moved': m.is_moved, 'records': m.records} as facts,
    d.table_name || '/' || d.id || case when d.what = 'is dated in the future' then '' else '/' || d.what end as key
from dated as d
left join moved as m on d.table_name = 'order' and d.id = m.order_id
