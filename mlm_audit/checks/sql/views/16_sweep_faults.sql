-- Repurchase commission that the monthly sweep decided, per member and month, against the ledger and CommissionRollup.
with decided as (
    select
        member_id,
        month,
        sum(case when status = 'released' then amount_paisa else 0 end)::BIGINT as released_paisa,
        sum(case when status = 'rolled_up' then amount_paisa else 0 end)::BIGINT as rolled_up_paisa
    from month_commissions
    where status in ('released', 'rolled_up')
    group by member_id, month
),

credits as (
    select
        user_id as member_id,
        reference_id as month,
        count(*) as credits,
        sum(amount_paisa)::BIGINT as credited_paisa,
        min(id) as credit_first_id,
        max(id) as credit_last_id
    from ledger
    where type = 'repurchase_commission'
    group by user_id, reference_id
),

rollup_credits as (
    -- The reference of a roll-up names its member and month: ROLLUP_<user>_<YYYYMM>.
    select
        coalesce(try_cast(split_part(ref, '_', 2) as BIGINT), -1) as member_id,
        coalesce(try_cast(split_part(ref, '_', 3) as BIGINT), -1) as month,
        count(*) as credits,
        sum(amount_paisa)::BIGINT as credited_paisa,
        min(id) as first_ledger_id,
        max(id) as last_ledger_id
    from ledger
    where type = 'commission_rollup'
    group by all
),

records as (
    select
        user_id as member_id,
        year::BIGINT * 100 + month as month,
        sum(amount_paisa)::BIGINT as recorded_paisa
    from commission_rollups
    group by all
),

rollups as (
    select
        coalesce(r.member_id, l.member_id) as member_id,
        coalesce(r.month, l.month) as month,
        coalesce(r.recorded_paisa, 0) as recorded_paisa,
        coalesce(l.credits, 0) as rollup_credits,
        coalesce(l.credited_paisa, 0) as rollup_credited_paisa,
        l.first_ledger_id as rollup_first_id,
        l.last_ledger_id as rollup_last_id
    from records as r
    full outer join rollup_credits as l on r.member_id = l.member_id and r.month = l.month
)

select
    coalesce(d.member_id, c.member_id, r.member_id) as member_id,
    coalesce(d.month, c.month, r.month) as month,
    coalesce(d.released_paisa, 0) as released_paisa,
    coalesce(c.credits, 0) as credits,
    coalesce(c.credited_paisa, 0) as credited_paisa,
    c.credit_first_id,
    c.credit_last_id,
    coalesce(d.rolled_up_paisa, 0) as rolled_up_paisa,
    coalesce(r.recorded_paisa, 0) as recorded_paisa,
    coalesce(r.rollup_credits, 0) as rollup_credits,
    coalesce(r.rollup_credited_paisa, 0) as rollup_credited_paisa,
    r.rollup_first_id,
    r.rollup_last_id
from decided as d
full outer join credits as c on d.member_id = c.member_id and d.month = c.month
full outer join rollups as r
    on coalesce(d.member_id, c.member_id) = r.member_id and coalesce(d.month, c.month) = r.month
where
    coalesce(d.released_paisa, 0) <> coalesce(c.credited_paisa, 0)
    or coalesce(c.credits, 0) > 1
    or coalesce(d.rolled_up_paisa, 0) <> coalesce(r.recorded_paisa, 0)
    or coalesce(d.rolled_up_paisa, 0) <> coalesce(r.rollup_credited_paisa, 0)
    or coalesce(r.rollup_credits, 0) > 1
