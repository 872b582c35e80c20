-- code: wallet-balance
-- title: Wallet differs from the ledger
-- severity: high
-- needs: users, ledger
-- requires: none
-- optional: none
-- determines: ledger.(row), ledger.amount_paisa, ledger.user_id, users.wallet_balance_paisa
-- about: member
-- slices: wallet
-- local: yes
-- causes: credit-posted-twice, history-edited, ledger-row-lost, ledger-without-wallet, rounding-drift, several-causes, unexplained, wallet-moved-twice, wallet-without-ledger
-- follows: none
-- explains: none
-- proves: Every member's wallet is the sum of their ledger rows.
-- do: Follow the steps of `mlm-audit remedy show`; if no record proves the cause, first find out who changed the wallet.
-- message: The wallet holds {wallet_paisa} and the ledger adds up to {ledger_paisa}: {off_paisa} {direction}.
with doubles as (
    select
        l.user_id as member_id,
        l.id as ledger_id,
        l.type,
        l.reference_id,
        l.level_depth as level,
        l.amount_paisa
    from ledger as l
    inner join wallet_gaps as g on l.id = g.before_id
    inner join ledger as twin
        on l.user_id = twin.user_id and l.type = twin.type and l.reference_id = twin.reference_id and l.id > twin.id
        and l.level_depth is not distinct from twin.level_depth and l.amount_paisa = twin.amount_paisa
),

lost as (
    select
        member_id,
        lost_paisa,
        whole,
        min(record) as record,
        min(record_id) as record_id,
        min(kind) as kind,
        min(reference_id) as reference_id,
        min(level) as level,
        min(key) as key,
        min(break_id) as break_id,
        min(ledger_id) as ledger_id,
        min(booked_paisa) as booked_paisa
    from missing_credits
    where in_wallet = 'yes'
    group by member_id, lost_paisa, whole
    having count(*) = 1
)

select
    b.member_id,
    b.difference_paisa as amount_paisa,
    b.wallet_paisa,
    b.ledger_paisa,
    abs(b.difference_paisa) as off_paisa,
    case when b.difference_paisa > 0 then 'more than the ledger' else 'less than the ledger' end as direction,
    case
        when abs(b.difference_paisa) > r.critical_wallet_paisa then 'critical'
        when abs(b.difference_paisa) <= r.correction_max_paisa then 'low'
        else 'high'
    end as severity,
    case
        when whole.member_id is not null then 'ledger-row-lost'
        when part.member_id is not null then 'history-edited'
        when g.gap_paisa = -g.before_amount_paisa and d.ledger_id is not null then 'credit-posted-twice'
        when g.gap_paisa = -g.before_amount_paisa then 'ledger-without-wallet'
        when g.gap_paisa = g.before_amount_paisa then 'wallet-moved-twice'
        when abs(b.difference_paisa) <= r.correction_max_paisa then 'rounding-drift'
        when g.gaps > 1 then 'several-causes'
        when g.ledger_id is null and g.is_chained then 'wallet-without-ledger'
        else 'unexplained'
    end as cause,
    [
        {
            'table': case when g.ledger_id is null then 'users' else 'ledger' end,
            'id': coalesce(g.ledger_id, b.member_id),
            'what': case
                when g.ledger_id is null and g.is_chained then 'the running balance is right up to the last row, but the wallet differs from it'
                when g.ledger_id is null then 'the ledger has no running balance; only the difference is known'
                else 'the running balance has a gap here'
            end,
            'amount_paisa': g.gap_paisa
        },
        {
            'table': case when g.before_id is null then null else 'ledger' end,
            'id': g.before_id,
            'what': 'the row before it',
            'amount_paisa': g.before_amount_paisa
        },
        {
            'table': coalesce(whole.record, part.record),
            'id': coalesce(whole.record_id, part.record_id),
            'what': 'this record proves the difference',
            'amount_paisa': coalesce(whole.lost_paisa, part.lost_paisa)
        }
    ] as evidence,
    {
        'wallet_paisa': b.wallet_paisa,
        'ledger_paisa': b.ledger_paisa,
        'gap_paisa': g.gap_paisa,
        'gaps': g.gaps,
        'root_id': coalesce(whole.break_id, part.break_id),
        'kind': coalesce(whole.kind, part.kind, d.type),
        'reference_id': coalesce(whole.reference_id, part.reference_id, d.reference_id),
        'level': coalesce(whole.level, part.level, d.level),
        'key': coalesce(whole.key, part.key),
        'lost_paisa': coalesce(whole.lost_paisa, part.lost_paisa),
        'ledger_id': coalesce(part.ledger_id, d.ledger_id, g.before_id),
        'booked_paisa': part.booked_paisa,
        'double_paisa': d.amount_paisa
    } as facts
from balances as b
cross join rules as r
left join wallet_gaps as g on b.member_id = g.member_id and g.place = 1
left join lost as whole on b.member_id = whole.member_id and whole.whole and g.gap_paisa = whole.lost_paisa
left join lost as part on b.member_id = part.member_id and not part.whole and g.gap_paisa = part.lost_paisa
left join doubles as d on b.member_id = d.member_id and g.before_id = d.ledger_id
where b.difference_paisa <> 0
