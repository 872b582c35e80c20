-- code: running-balance
-- title: The running balance breaks
-- severity: high
-- needs: users, ledger
-- determines: ledger.(row), ledger.amount_paisa, ledger.balance_after_paisa, ledger.id, ledger.user_id
-- proves: Every ledger row's balanceAfter is the member's balance before it plus its amount, so no row was changed, dropped or slipped in.
-- do: Compare this row and the one before it with their orders and payouts; a ledger is never edited, so ask who could write there.
-- message: Ledger row {ledger_id}: balanceAfter is {balance_after_paisa}, {expected_paisa} was expected.
with ends as (
    -- What lies between the last row and the wallet.
    select
        g.member_id,
        (max(coalesce(b.difference_paisa, 0)) - sum(g.gap_paisa))::BIGINT as gap_paisa
    from gaps as g
    left join balances as b on g.member_id = b.member_id
    group by g.member_id
),

last_rows as (
    select
        user_id as member_id,
        max(id) as ledger_id
    from chain_rows
    where user_id in (select member_id from gaps)
    group by user_id
),

early as (
    select
        *,
        row_number() over (partition by member_id, gap_paisa order by ledger_id) as number
    from gaps
),

late as (
    select
        *,
        row_number() over (partition by member_id, gap_paisa order by ledger_id) as number,
        row_number() over (partition by member_id, gap_paisa, is_posting order by ledger_id) as approval_number,
        sum(gap_paisa) over (partition by member_id order by ledger_id) as since_paisa
    from (
        select member_id, ledger_id, gap_paisa, gap_paisa = -amount_paisa as is_posting
        from gaps
        union all
        -- The end comes after every row.
        select member_id, 9223372036854775807 as ledger_id, gap_paisa, false as is_posting
        from ends
        where gap_paisa <> 0
    ) as every
),

approvals as (
    select
        user_id,
        amount_paisa,
        row_number() over (partition by user_id, amount_paisa order by approved_at, id) as number
    from authorisations
    where kind = 'wallet_correction'
),

-- Corrections of a wallet that a person approved or that a run made. Each approval explains one correction.
approved as (
    select l.*
    from late as l
    inner join approvals as a on l.member_id = a.user_id and l.gap_paisa = a.amount_paisa and l.approval_number = a.number
    where not l.is_posting
),

-- A gap that was put right later: by the missing row, posted without moving the wallet, or by an approved correction.
settled as (
    select
        e.ledger_id as early_id,
        l.ledger_id as late_id
    from early as e
    inner join late as l
        on e.member_id = l.member_id and e.gap_paisa = -l.gap_paisa and e.number = l.number and e.ledger_id < l.ledger_id
    where l.is_posting or l.ledger_id in (select a.ledger_id from approved as a where a.member_id = e.member_id)
    union all
    -- An approved correction after which wallet and ledger agree settles every gap before it.
    select
        e.ledger_id as early_id,
        a.ledger_id as late_id
    from early as e
    inner join approved as a on e.member_id = a.member_id and a.since_paisa = 0 and e.ledger_id <= a.ledger_id
)

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
        when b.member_id is null and r.ledger_id = g.ledger_id then 'balance-after-wrong'
        when b.member_id is null then 'balance-parted'
        when g.gap_paisa = -g.before_amount_paisa then 'ledger-without-wallet'
        when g.gap_paisa = g.before_amount_paisa then 'wallet-moved-twice'
        else 'wallet-without-ledger'
    end as cause,
    [
        {'table': 'ledger', 'id': g.ledger_id, 'amount_paisa': g.amount_paisa},
        {'table': 'ledger', 'id': g.before_id, 'amount_paisa': g.before_amount_paisa}
    ] as evidence,
    {
        'ledger_id': g.ledger_id,
        'balance_after_paisa': g.balance_after_paisa,
        'expected_paisa': g.expected_paisa,
        'is_wallet_off': b.member_id is not null,
        -- What changed the wallet without a ledger row, if this gap was put right, or itself put one right.
        'change_paisa': case when f.first_id < g.ledger_id then g.gap_paisa else -g.gap_paisa end,
        'root_id': coalesce(whole.break_id, part.break_id)
    } as facts,
    g.ledger_id as key
from gaps as g
left join (select member_id, gap_paisa, min(ledger_id) as first_id from gaps group by member_id, gap_paisa) as f
    on g.member_id = f.member_id and g.gap_paisa = -f.gap_paisa
left join balances as b on g.member_id = b.member_id
left join last_rows as r on g.member_id = r.member_id
left join (
    select member_id, lost_paisa, min(break_id) as break_id
    from missing_credits
    where whole and in_wallet = 'yes'
    group by member_id, lost_paisa
) as whole
    on g.member_id = whole.member_id and g.gap_paisa = whole.lost_paisa
left join (
    select member_id, lost_paisa, min(break_id) as break_id
    from missing_credits
    where not whole and in_wallet = 'yes'
    group by member_id, lost_paisa
) as part
    on g.member_id = part.member_id and g.gap_paisa = part.lost_paisa
left join (select distinct member_id, gap_paisa, before_id, ledger_id from gaps) as next_gap
    on g.member_id = next_gap.member_id and g.gap_paisa = -next_gap.gap_paisa
    and (g.ledger_id = next_gap.before_id or g.before_id = next_gap.ledger_id)
where
    not exists (
        select 1 from gaps as p
        where p.member_id = g.member_id and p.ledger_id = g.before_id and p.gap_paisa = -g.gap_paisa
    )
    and g.ledger_id not in (select early_id from settled)
    and g.ledger_id not in (select late_id from settled)
union all
select
    h.member_id,
    0::BIGINT as amount_paisa,
    h.ledger_id,
    null::BIGINT as balance_after_paisa,
    h.expected_paisa,
    'balance-after-missing' as cause,
    [{'table': 'ledger', 'id': h.ledger_id, 'amount_paisa': null::BIGINT}] as evidence,
    {
        'ledger_id': h.ledger_id,
        'balance_after_paisa': null::BIGINT,
        'expected_paisa': h.expected_paisa,
        'is_wallet_off': false,
        'change_paisa': null::BIGINT,
        'root_id': null::VARCHAR
    } as facts,
    h.ledger_id as key
from balance_holes as h
-- Rows of a member who does not exist are a finding of their own.
where h.member_id in (select id from users)
