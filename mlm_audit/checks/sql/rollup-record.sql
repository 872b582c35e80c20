-- code: rollup-record
-- title: A roll-up's records disagree
-- severity: medium
-- needs: commissions, orders, ledger, commission_rollups, eligibility_log
-- requires: ledger.reference_id
-- optional: none
-- determines: commission_rollups.(row), commission_rollups.amount_paisa, commission_rollups.commission_count, commission_rollups.month, commission_rollups.user_id, commission_rollups.year, commissions.(row), commissions.order_id, commissions.status, commissions.type, commissions.user_id, eligibility_log.rolled_up_paisa, ledger.(row), ledger.reference_id
-- about: issue
-- slices: none
-- local: yes
-- causes: log-amount-wrong, rollup-count-wrong, rollup-reference-wrong
-- follows: month, row
-- explains: none
-- proves: Every CommissionRollup row has the right number of commissions, the eligibility log has its amount, and the company's credit names it.
-- do: Set the record from the commissions that were rolled up; no money moves.
-- message: {what}: the amount is {posted_paisa}, and {expected_paisa} is expected.
with posted as (
    select
        l.id,
        l.amount_paisa,
        l.reference_id,
        l.ref,
        r.user_id,
        r.year::BIGINT * 100 + r.month as month
    from ledger as l
    left join commission_rollups as r on l.reference_id = r.id
    where
        l.type = 'commission_rollup' and l.amount_paisa > 0
        and split_part(l.ref, '_', 1) = 'ROLLUP' and l.id not in (select of_id from corrections)
        -- The key of a share that was decided again continues after the month (docs/analysts/remedies.md).
        and (
            split_part(l.ref, '_', 2) is distinct from r.user_id::VARCHAR
            or split_part(l.ref, '_', 3) is distinct from (r.year::BIGINT * 100 + r.month)::VARCHAR
        )
),

recorded as (
    select user_id, year::BIGINT * 100 + month as month, max(id) as id
    from commission_rollups
    group by user_id, year::BIGINT * 100 + month
)

select
    r.user_id as member_id,
    0::BIGINT as amount_paisa,
    'Ledger row ' || p.id || ' (' || p.ref || ') names CommissionRollup row ' || coalesce(p.reference_id || '', '(none)') as what,
    p.amount_paisa as posted_paisa,
    p.amount_paisa as expected_paisa,
    'rollup-reference-wrong' as cause,
    [{'table': 'ledger', 'id': p.id}] as evidence,
    {'table': 'ledger', 'row_id': p.id, 'before': p.reference_id, 'after': r.id} as facts,
    'ledger/' || p.id as key
from posted as p
-- If the member and month have no CommissionRollup row, another check reports its loss.
inner join recorded as r
    on try_cast(split_part(p.ref, '_', 2) as BIGINT) = r.user_id and try_cast(split_part(p.ref, '_', 3) as BIGINT) = r.month
union all
select
    l.member_id,
    0::BIGINT as amount_paisa,
    case
        when l.commission_count <> l.rolled_up_rows
            then 'CommissionRollup of member ' || l.member_id || ' for month ' || l.month || ' has a count of ' || l.commission_count
                || ' instead of ' || l.rolled_up_rows
        else 'The eligibility log of member ' || l.member_id || ' for month ' || l.month || ' has a different rolled-up amount'
    end as what,
    l.logged_paisa as posted_paisa,
    l.recorded_paisa as expected_paisa,
    case when l.commission_count <> l.rolled_up_rows then 'rollup-count-wrong' else 'log-amount-wrong' end as cause,
    [{'table': 'CommissionRollup', 'id': l.rollup_id}, {'table': 'EligibilityLog', 'id': l.log_id}] as evidence,
    {
        'table': case when l.commission_count <> l.rolled_up_rows then 'CommissionRollup' else 'EligibilityLog' end,
        'row_id': case when l.commission_count <> l.rolled_up_rows then l.rollup_id else l.log_id end,
        'before': case when l.commission_count <> l.rolled_up_rows then l.commission_count else l.logged_paisa end,
        'after': case when l.commission_count <> l.rolled_up_rows then l.rolled_up_rows else l.recorded_paisa end
    } as facts,
    l.member_id || '/' || l.month as key
from log_rollups as l
where
    (l.commission_count <> l.rolled_up_rows and l.rollup_id is not null)
    or (
        l.logged_paisa <> l.recorded_paisa and l.log_id is not null
        -- If commissions were rolled up without a CommissionRollup row, another check reports its loss.
        and (l.rollup_id is not null or l.rolled_up_rows = 0)
    )
