-- code: running-balance
-- title: The running balance breaks
-- severity: high
-- needs: ledger
-- proves: Every ledger row's balanceAfter is the member's balance before it plus its amount, so no row was changed, dropped or slipped in.
-- do: Compare this row and the one before it with their orders and payouts; a ledger is never edited, so ask who could write there.
-- message: Ledger row {ledger_id}: balanceAfter is {balance_after_paisa}, {expected_paisa} was expected.
select
    g.member_id,
    g.gap_paisa as amount_paisa,
    g.ledger_id,
    g.balance_after_paisa,
    g.expected_paisa,
    case
        when whole.member_id is not null then 'ledger-row-lost'
        when part.member_id is not null then 'history-edited'
        when next_gap.member_id is not null then 'balance-after-wrong'
        when g.gap_paisa = -g.before_amount_paisa then 'ledger-without-wallet'
        when g.gap_paisa = g.before_amount_paisa then 'wallet-moved-twice'
        when b.member_id is null then 'balance-after-wrong'
        else 'wallet-without-ledger'
    end as cause,
    [
        {'table': 'ledger', 'id': g.ledger_id, 'amount_paisa': g.amount_paisa},
        {'table': 'ledger', 'id': g.before_id, 'amount_paisa': g.before_amount_paisa}
    ] as evidence,
    g.ledger_id as key
from gaps as g
left join balances as b on g.member_id = b.member_id
left join (select distinct member_id, lost_paisa from missing_credits where whole) as whole
    on g.member_id = whole.member_id and g.gap_paisa = whole.lost_paisa
left join (select distinct member_id, lost_paisa from missing_credits where not whole) as part
    on g.member_id = part.member_id and g.gap_paisa = part.lost_paisa
left join (select distinct member_id, gap_paisa, before_id, ledger_id from gaps) as next_gap
    on g.member_id = next_gap.member_id and g.gap_paisa = -next_gap.gap_paisa
    and (g.ledger_id = next_gap.before_id or g.before_id = next_gap.ledger_id)
where not exists (
    select 1 from gaps as p
    where p.member_id = g.member_id and p.ledger_id = g.before_id and p.gap_paisa = -g.gap_paisa
)
