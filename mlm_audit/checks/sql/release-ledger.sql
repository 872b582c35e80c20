-- code: release-ledger
-- title: Released commission and ledger disagree
-- severity: high
-- needs: commissions, orders, ledger
-- requires: repurchase_credited=by_sweep, ledger.reference_id
-- optional: none
-- determines: commissions.(row), commissions.amount_paisa, commissions.order_id, commissions.status, commissions.type, commissions.user_id, ledger.(row), ledger.amount_paisa, ledger.reference_id, ledger.type, ledger.user_id
-- about: month
-- slices: wallet
-- local: yes
-- causes: credit-without-release, follows-from-order-line, history-edited, ledger-row-lost, month-slip, not-in-ledger, other-ledger-type, release-not-posted, wrong-amount
-- follows: lost-member, month
-- explains: none
-- proves: The commission that the sweep released to a member for a month is credited in the ledger, no more and no less, corrections included.
-- do: Follow the steps of `mlm-audit remedy show`. They pay the amount only if the wallet does not hold it yet.
-- message: Month {month}: {released_paisa} was released, but {credited_paisa} is credited.
select
    s.member_id,
    s.credited_paisa - s.released_paisa as amount_paisa,
    s.month,
    s.released_paisa,
    s.credited_paisa,
    case
        when e.member_id is not null then 'month-slip'
        when s.stray_id is not null and x.ledger_id is not null then 'follows-from-order-line'
        when s.credits = 0 and r.ledger_id is not null then 'other-ledger-type'
        when s.credits = 0 and m.in_wallet = 'yes' then 'ledger-row-lost'
        when s.credits = 0 and m.in_wallet = 'no' then 'release-not-posted'
        when s.credits = 0 then 'not-in-ledger'
        when m.in_wallet = 'yes' then 'history-edited'
        when s.released_paisa = 0 then 'credit-without-release'
        else 'wrong-amount'
    end as cause,
    [{'table': 'ledger', 'id': s.credit_first_id}, {'table': 'users', 'id': s.member_id}] as evidence,
    {
        'month': s.month,
        'released_paisa': s.released_paisa,
        'credited_paisa': s.credited_paisa,
        'ledger_id': s.credit_last_id,
        'in_wallet': m.in_wallet,
        'is_eligible': g.is_eligible,
        'other_id': r.ledger_id,
        'other_type': r.type,
        'other_reference_id': r.reference_id,
        'other_ref': r.ref,
        'is_same_row': coalesce(r.is_same, false),
        'root_id': x.break_id
    } as facts,
    case when s.stray_id is null then s.member_id || '/' || s.month else 'ledger/' || s.stray_id end as key
from sweep_faults as s
left join (select distinct member_id, month from decided_early) as e on s.member_id = e.member_id and s.month = e.month
left join missing_credits as m
    on m.kind = 'repurchase_commission' and s.member_id = m.member_id and s.month = m.reference_id
left join rows_by_key as r on r.break_id = 'release-ledger/' || s.member_id || '/' || s.month
left join month_facts as g
    on s.member_id = g.member_id and s.month = g.month
left join posted_otherwise as x on s.stray_id = x.ledger_id
where s.released_paisa <> s.credited_paisa and not s.is_doubled
