-- code: rollup-ledger
-- title: Rolled-up commission and ledger disagree
-- severity: high
-- needs: commissions, orders, ledger, commission_rollups
-- requires: ledger.reference_id
-- optional: none
-- determines: commission_rollups.(row), commission_rollups.amount_paisa, commission_rollups.month, commission_rollups.user_id, commission_rollups.year, commissions.(row), commissions.amount_paisa, commissions.order_id, commissions.status, commissions.type, commissions.user_id, ledger.(row), ledger.amount_paisa, ledger.ref, ledger.type
-- about: month
-- slices: none
-- local: yes
-- causes: month-slip, rollup-not-posted, rollup-posted-twice, rollup-record-lost, rollup-record-misnamed, rollup-record-wrong, rollup-without-record, wrong-amount
-- follows: month, row
-- explains: none
-- proves: The commission that the sweep rolled up for a member and month is in CommissionRollup and credited to the company, corrections included.
-- do: Follow the steps of `mlm-audit remedy show`: post or reverse the company's credit, or complete the CommissionRollup row.
-- message: Month {month}: {rolled_up_paisa} was rolled up, {recorded_paisa} is in CommissionRollup and {rollup_credited_paisa} is credited to the company.
select
    case when s.member_id = -1 then null else s.member_id end as member_id,
    case
        when s.recorded_paisa <> s.rolled_up_paisa then s.recorded_paisa - s.rolled_up_paisa
        else s.rollup_credited_paisa - s.rolled_up_paisa
    end as amount_paisa,
    s.month,
    s.rolled_up_paisa,
    s.recorded_paisa,
    s.rollup_credited_paisa,
    case
        when e.member_id is not null then 'month-slip'
        when s.member_id = -1 then 'rollup-without-record'
        when s.recorded_paisa <> s.rolled_up_paisa and s.rollup_id is null and m.id is not null then 'rollup-record-misnamed'
        when s.recorded_paisa <> s.rolled_up_paisa and s.rollup_id is null then 'rollup-record-lost'
        when s.recorded_paisa <> s.rolled_up_paisa then 'rollup-record-wrong'
        when s.rollup_credits = 0 then 'rollup-not-posted'
        when s.rollup_credits > 1 and s.rollup_credited_paisa > s.rolled_up_paisa then 'rollup-posted-twice'
        else 'wrong-amount'
    end as cause,
    [
        {'table': 'ledger', 'id': s.rollup_first_id},
        {'table': 'CommissionRollup', 'id': s.rollup_id},
        {'table': 'users', 'id': s.member_id}
    ] as evidence,
    {
        'month': s.month,
        'rolled_up_paisa': s.rolled_up_paisa,
        'rolled_up_rows': s.rolled_up_rows,
        'recorded_paisa': s.recorded_paisa,
        'credited_paisa': s.rollup_credited_paisa,
        'rollup_id': s.rollup_id,
        'rollup_paisa': c.amount_paisa,
        'log_id': l.last_id,
        'logged_paisa': l.rolled_up_paisa,
        'misnamed_id': m.id,
        'misnamed_user_id': m.user_id,
        'misnamed_year': m.year,
        'misnamed_month': m.month,
        'reference_id': s.rollup_reference_id,
        'ledger_id': s.rollup_last_id
    } as facts,
    s.member_id || '/' || s.month as key
from sweep_faults as s
left join (select distinct member_id, month from decided_early) as e on s.member_id = e.member_id and s.month = e.month
left join (select * from commission_rollups where id in (select rollup_id from sweep_faults)) as c on s.rollup_id = c.id
left join member_months as l on s.member_id = l.member_id and s.month = l.month and l.rows = 1
-- The record that the company's credit names, if the member and month have none.
left join (
    select r.*
    from (select * from commission_rollups where id in (select rollup_reference_id from sweep_faults)) as r
    -- The record is surplus for the member and month that it names.
    inner join (select member_id, month from sweep_faults where recorded_paisa > rolled_up_paisa) as t
        on r.user_id = t.member_id and r.year::BIGINT * 100 + r.month = t.month
) as m
    on s.rollup_reference_id = m.id and s.rollup_id is null and m.amount_paisa = s.rolled_up_paisa
where
    s.rolled_up_paisa <> s.recorded_paisa
    or s.rolled_up_paisa <> s.rollup_credited_paisa
