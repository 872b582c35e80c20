-- code: duplicate-credit
-- title: A credit was posted twice
-- severity: critical
-- needs: ledger, orders, commissions, matrix_nodes, users
-- requires: ledger.reference_id
-- optional: none
-- determines: ledger.(row), ledger.level_depth, ledger.reference_id, ledger.type, ledger.user_id
-- about: payout=payout, release=month, commission=order
-- slices: wallet, order, payout
-- local: yes
-- causes: credit-posted-twice, wrong-level
-- follows: row
-- explains: line
-- proves: No commission, payout or release is credited more often in the ledger than its source allows, net of reversals and recoveries.
-- do: Reverse the second credit as `mlm-audit remedy show` says; then find out why the platform's idempotency key did not prevent it.
-- message: {what}: there are {credits} ledger credits, which is {amount_paisa} too much.
with surplus as (
    -- Of several payouts of an instalment, the surplus one: one with another member or amount, otherwise the last.
    select
        l.reference_id as schedule_id,
        coalesce(max(case when l.user_id is distinct from p.member_id or l.amount_paisa <> p.amount_paisa then l.id end), max(l.id))
            as ledger_id
    from ledger as l
    inner join (select * from payout_faults where fault = 'credited-twice') as p on l.reference_id = p.schedule_id
    where l.type = 'self_payout' and l.amount_paisa > 0 and l.id not in (select of_id from taken_back)
    group by l.reference_id
),

-- Of several releases of a month, the surplus one: one with a key that is not the member's, otherwise the last.
released as (
    select
        l.user_id as member_id,
        l.reference_id as month,
        coalesce(
            max(case when upper(trim(l.ref)) is distinct from 'REPURCHASE_' || l.user_id || '_' || l.reference_id then l.id end), max(l.id)
        ) as ledger_id
    from ledger as l
    inner join (select * from sweep_faults where is_doubled) as s on l.user_id = s.member_id and l.reference_id = s.month
    where l.type = 'repurchase_commission' and l.amount_paisa > 0 and l.id not in (select of_id from taken_back)
    group by l.user_id, l.reference_id
),

doubles as (
    select
        f.upline_id as member_id,
        f.order_id,
        f.credited_paisa - f.amount_paisa as amount_paisa,
        f.credits,
        'Commission of order ' || f.order_id || ', level ' || f.level as what,
        case when m.order_id is null then 'credit-posted-twice' else 'wrong-level' end as cause,
        'commission/' || f.order_id || '/' || f.level as key,
        min(l.id) as first_ledger_id,
        coalesce(
            max(
                case
                    when l.is_left and (l.user_id is distinct from f.upline_id or l.amount_paisa <> f.amount_paisa) then l.id
                end
            ),
            max(case when l.is_left then l.id end),
            max(l.id)
        ) as last_ledger_id
    from level_faults as f
    inner join (
        select id, reference_id, level_depth, user_id, amount_paisa, id not in (select of_id from taken_back) as is_left
        from ledger
        where
            type = 'sponsor_commission' and amount_paisa > 0
            and reference_id in (select order_id from level_faults where fault = 'credited-twice')
    ) as l
        on f.order_id = l.reference_id and f.level = l.level_depth
    left join (select distinct order_id from level_faults where fault = 'missing') as m on f.order_id = m.order_id
    where f.fault = 'credited-twice'
    group by f.upline_id, f.order_id, f.level, f.credited_paisa, f.amount_paisa, f.credits, m.order_id
    union all
    select
        member_id,
        order_id,
        credited_paisa - case when status = 'paid' then amount_paisa else 0 end as amount_paisa,
        credits,
        'Payout of instalment ' || p.schedule_id as what,
        'credit-posted-twice' as cause,
        'payout/' || p.schedule_id as key,
        p.first_ledger_id,
        coalesce(s.ledger_id, p.last_ledger_id) as last_ledger_id
    from payout_faults as p
    left join surplus as s on p.schedule_id = s.schedule_id
    where p.fault = 'credited-twice'
    union all
    select
        s.member_id,
        null as order_id,
        s.credited_paisa - s.released_paisa as amount_paisa,
        s.credits,
        'Release of ' || s.month as what,
        'credit-posted-twice' as cause,
        'release/' || s.member_id || '/' || s.month as key,
        s.credit_first_id as first_ledger_id,
        coalesce(r.ledger_id, s.credit_last_id) as last_ledger_id
    from sweep_faults as s
    left join released as r on s.member_id = r.member_id and s.month = r.month
    where s.is_doubled
    union all
    -- A repeated bonus or adjustment: same member, kind, reference and amount. One with its own authorisation is not a repetition.
    select
        user_id as member_id,
        null as order_id,
        sum(amount_paisa)::BIGINT - min(amount_paisa) as amount_paisa,
        count(*) as credits,
        'Ledger type ' || type || ', reference ' || reference_id as what,
        'credit-posted-twice' as cause,
        type || '/' || user_id || '/' || reference_id as key,
        min(id) as first_ledger_id,
        max(id) as last_ledger_id
    from noted_rows
    where
        type in ('bonus', 'adjustment') and amount_paisa > 0 and reference_id is not null and user_id is not null
        and id not in (select of_id from corrections) and id not in (select ledger_id from corrections)
        and coalesce(ref, '') not in (select reference from authorisations where reference is not null and kind <> 'wallet_correction')
    group by user_id, type, reference_id
    having count(*) > 1
)

select
    d.* exclude (first_ledger_id, last_ledger_id),
    [{'table': 'ledger', 'id': d.first_ledger_id}, {'table': 'ledger', 'id': d.last_ledger_id}] as evidence,
    {
        'ledger_id': l.id,
        'user_id': l.user_id,
        'type': l.type,
        'reference_id': l.reference_id,
        'level': l.level_depth,
        'ledger_paisa': l.amount_paisa,
        'excess_paisa': d.amount_paisa,
        -- If the running balance after a credit does not include it, the credit never reached the wallet.
        'is_outside_wallet': g.before_id is not null,
        'records': c.records,
        'record_id': c.record_id
    } as facts
from (select * from ledger where id in (select last_ledger_id from doubles)) as l
inner join doubles as d on l.id = d.last_ledger_id
-- The records of the line, if it was also recorded twice.
left join (
    select order_id, level, count(*) as records, max(id) as record_id
    from commissions
    where type = 'joining' and amount_paisa > 0 and order_id in (select order_id from doubles)
    group by order_id, level
) as c
    on d.order_id = c.order_id and l.level_depth = c.level and l.type = 'sponsor_commission'
left join (select distinct before_id from wallet_gaps where before_id is not null and gap_paisa = -before_amount_paisa) as g
    on l.id = g.before_id
