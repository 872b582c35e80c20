-- Repurchase commission that the monthly sweep decided, per member and month, against the ledger and CommissionRollup.
-- Amounts are summed with their signs; credits counts a reversing row as minus one. A reference is a month only in the form YYYYMM.
with decided as (
    select
        member_id,
        month,
        sum(case when status = 'released' then amount_paisa else 0 end)::BIGINT as released_paisa,
        sum(case when status = 'rolled_up' then amount_paisa else 0 end)::BIGINT as rolled_up_paisa,
        sum(case when status = 'rolled_up' then rows else 0 end)::BIGINT as rolled_up_rows
    from month_commissions
    where status in ('released', 'rolled_up')
    group by member_id, month
),

releases as (
    select user_id, reference_id, amount_paisa, id
    from ledger
    where type = 'repurchase_commission'
    union all
    select user_id, reference_id, amount_paisa, ledger_id as id
    from corrections
    where own_type = 'adjustment' and type = 'repurchase_commission'
),

credits as (
    select
        user_id as member_id,
        reference_id as month,
        sum(case when amount_paisa < 0 then -1 else 1 end)::BIGINT as credits,
        sum(amount_paisa)::BIGINT as credited_paisa,
        coalesce(min(case when amount_paisa > 0 then id end), min(id)) as credit_first_id,
        coalesce(max(case when amount_paisa > 0 then id end), max(id)) as credit_last_id
    from releases
    where reference_id between 190001 and 299912 and reference_id % 100 between 1 and 12
    group by user_id, reference_id
),

rollup_rows as (
    -- The key of a roll-up names its member and month: ROLLUP_<user>_<YYYYMM>; the key of a correction names the row with that key.
    -- If the key names none, which another check reports, the record that the row refers to identifies the member and month.
    select
        l.id,
        l.amount_paisa,
        l.reference_id,
        case when l.key_month is null then coalesce(r.user_id, -1) else coalesce(l.key_member, -1) end as member_id,
        coalesce(l.key_month, r.year::BIGINT * 100 + r.month, -1) as month
    from (
        select
            k.*,
            try_cast(split_part(k.key, '_', 2) as BIGINT) as key_member,
            case
                when try_cast(split_part(k.key, '_', 3) as BIGINT) % 100 between 1 and 12
                    then try_cast(split_part(k.key, '_', 3) as BIGINT)
            end as key_month
        from (
            select l.id, l.amount_paisa, l.reference_id, trim(coalesce(c.of_ref, l.ref)) as key
            from ledger as l
            left join corrections as c on l.id = c.ledger_id
            where l.type = 'commission_rollup'
        ) as k
    ) as l
    left join commission_rollups as r on l.reference_id = r.id
),

rollup_credits as (
    select
        member_id,
        month,
        sum(case when amount_paisa < 0 then -1 else 1 end)::BIGINT as credits,
        sum(amount_paisa)::BIGINT as credited_paisa,
        min(case when amount_paisa > 0 then id end) as first_ledger_id,
        max(case when amount_paisa > 0 then id end) as last_ledger_id,
        max(reference_id) as reference_id
    from rollup_rows
    group by all
),

records as (
    select
        user_id as member_id,
        year::BIGINT * 100 + month as month,
        sum(amount_paisa)::BIGINT as recorded_paisa,
        max(id) as record_id
    from commission_rollups
    group by all
),

rollups as (
    select
        coalesce(r.member_id, l.member_id) as member_id,
        coalesce(r.month, l.month) as month,
        coalesce(r.recorded_paisa, 0) as recorded_paisa,
        r.record_id as rollup_id,
        l.reference_id as rollup_reference_id,
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
    coalesce(d.rolled_up_rows, 0) as rolled_up_rows,
    coalesce(r.recorded_paisa, 0) as recorded_paisa,
    r.rollup_id,
    r.rollup_reference_id,
    coalesce(r.rollup_credits, 0) as rollup_credits,
    coalesce(r.rollup_credited_paisa, 0) as rollup_credited_paisa,
    r.rollup_first_id,
    r.rollup_last_id,
    coalesce(c.credits, 0) > 1 and coalesce(c.credited_paisa, 0) > coalesce(d.released_paisa, 0) as is_doubled,
    null::BIGINT as stray_id
from decided as d
full outer join credits as c on d.member_id = c.member_id and d.month = c.month
full outer join rollups as r
    on coalesce(d.member_id, c.member_id) = r.member_id and coalesce(d.month, c.month) = r.month
where
    coalesce(d.released_paisa, 0) <> coalesce(c.credited_paisa, 0)
    or coalesce(d.rolled_up_paisa, 0) <> coalesce(r.recorded_paisa, 0)
    or coalesce(d.rolled_up_paisa, 0) <> coalesce(r.rollup_credited_paisa, 0)
union all
-- A release whose reference is not a month is a separate finding.
select
    user_id as member_id,
    null::BIGINT as month,
    0::BIGINT as released_paisa,
    1::BIGINT as credits,
    amount_paisa as credited_paisa,
    id as credit_first_id,
    id as credit_last_id,
    0::BIGINT as rolled_up_paisa,
    0::BIGINT as rolled_up_rows,
    0::BIGINT as recorded_paisa,
    null::BIGINT as rollup_id,
    null::BIGINT as rollup_reference_id,
    0::BIGINT as rollup_credits,
    0::BIGINT as rollup_credited_paisa,
    null::BIGINT as rollup_first_id,
    null::BIGINT as rollup_last_id,
    false as is_doubled,
    id as stray_id
from releases
where
    amount_paisa <> 0
    and not coalesce(reference_id between 190001 and 299912 and reference_id % 100 between 1 and 12, false)
    and id not in (select ledger_id from corrections)
    and id not in (select of_id from corrections)
