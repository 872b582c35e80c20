-- code: release-ledger
-- title: Released commission and ledger disagree
-- severity: high
-- needs: commissions, orders, ledger
-- proves: What the sweep released to a member for a month is credited once in the ledger, no more and no less.
-- do: Post the missing credit, or recover what was credited without a release.
-- message: Month {month}: {released_paisa} released, {credited_paisa} credited.
select
    s.member_id,
    s.credited_paisa - s.released_paisa as amount_paisa,
    s.month,
    s.released_paisa,
    s.credited_paisa,
    case
        when e.member_id is not null then 'month-slip'
        when s.credits = 0 and g.member_id is not null then 'ledger-row-lost'
        when s.credits = 0 then 'release-not-posted'
        when g.member_id is not null then 'history-edited'
        when s.released_paisa = 0 then 'credit-without-release'
        else 'wrong-amount'
    end as cause,
    [{'table': 'ledger', 'id': s.credit_first_id}] as evidence,
    s.member_id || '/' || s.month as key
from sweep_faults as s
left join (select distinct member_id from decided_early) as e on s.member_id = e.member_id
left join (select distinct member_id, gap_paisa from all_gaps) as g
    on s.member_id = g.member_id and g.gap_paisa = s.released_paisa - s.credited_paisa
where s.released_paisa <> s.credited_paisa and s.credits < 2
