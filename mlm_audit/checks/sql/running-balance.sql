-- code: running-balance
-- title: A ledger row has the wrong running balance
-- severity: high
-- needs: users, ledger
-- requires: ledger.balance_after
-- optional: none
-- determines: ledger.(row), ledger.amount_paisa, ledger.balance_after_paisa, ledger.id, ledger.user_id
-- about: member
-- slices: wallet
-- local: yes
-- causes: balance-after-missing, balance-after-wrong, balance-parted, history-edited, ledger-row-lost, ledger-without-wallet, wallet-moved-twice, wallet-without-ledger
-- follows: lost-member
-- explains: none
-- proves: Every ledger row's balanceAfter is the member's balance before it plus its amount, so no row was changed, deleted or inserted.
-- do: Compare this row and the one before it with their orders and payouts; a ledger is never edited, so find out who could write to it.
-- message: Ledger row {ledger_id}: balanceAfter is {balance_after_paisa}, but {expected_paisa} was expected.
with last_rows as (
    select
        user_id as member_id,
        max(id) as ledger_id
    from chain_rows
    where user_id in (select member_id from gaps)
    group by user_id
),

-- Every gap of the balance. The wallet comes after every row: the difference between the last row and the wallet is the last gap.
places as (
    select member_id, ledger_id, coalesce(before_id, 0) as before_id, gap_paisa, gap_paisa = -amount_paisa as is_posting
    from gaps
    union all
    select
        e.member_id, 9223372036854775807 as ledger_id, l.ledger_id as before_id, e.gap_paisa, false as is_posting
    from (
        select
            g.member_id,
            (max(coalesce(b.difference_paisa, 0)) - sum(g.gap_paisa))::BIGINT as gap_paisa
        from gaps as g
        left join balances as b on g.member_id = b.member_id
        group by g.member_id
    ) as e
    inner join last_rows as l on e.member_id = l.member_id
    where e.gap_paisa <> 0
),

-- Wallets that a person or a run set without a ledger row. The reference, AFTER_<ledger id>, gives the position.
approvals as (
    select
        user_id as member_id,
        amount_paisa,
        coalesce(try_cast(split_part(reference, '_', 2) as BIGINT), -1) as after_id
    from authorisations
    where kind = 'wallet_correction' and user_id in (select member_id from gaps)
),

-- Gaps with an approval, and the part of the change that is not approved.
explained as (
    select
        p.member_id,
        p.ledger_id,
        p.gap_paisa - sum(a.amount_paisa) as rest_paisa
    from places as p
    inner join approvals as a on p.member_id = a.member_id and a.after_id >= p.before_id and a.after_id < p.ledger_id
    group by p.member_id, p.ledger_id, p.gap_paisa
),

-- A drift that was corrected before the next row leaves such a rest. It is at most the amount that a run may correct.
approved as (
    select e.*
    from explained as e
    cross join rules as r
    where abs(e.rest_paisa) <= r.correction_max_paisa
),

-- A lost row that was posted late, without moving the wallet, causes two gaps.
late as (
    select
        *,
        row_number() over (partition by member_id, gap_paisa order by ledger_id) as number
    from places
    where is_posting and ledger_id not in (select ledger_id from approved)
),

early as (
    select
        *,
        row_number() over (partition by member_id, gap_paisa order by ledger_id) as number
    from places
    where not is_posting
),

posted as (
    select
        e.member_id,
        e.ledger_id as early_id,
        l.ledger_id as late_id
    from early as e
    inner join late as l
        on e.member_id = l.member_id and e.gap_paisa = -l.gap_paisa and e.number = l.number and e.ledger_id < l.ledger_id
),

-- The other gaps, in stretches that each end where wallet and ledger agree again.
summed as (
    select
        p.*,
        sum(p.gap_paisa) over (partition by p.member_id order by p.ledger_id) as since_paisa
    from places as p
    left join (
        select member_id, early_id as ledger_id from posted
        union all
        select member_id, late_id as ledger_id from posted
    ) as s on p.member_id = s.member_id and p.ledger_id = s.ledger_id
    where s.ledger_id is null
),

stretched as (
    select
        *,
        coalesce(sum(case when since_paisa = 0 then 1 else 0 end) over (
            partition by member_id order by ledger_id rows between unbounded preceding and 1 preceding
        ), 0) as stretch
    from summed
),

-- The last change of each stretch, after which wallet and ledger agree.
ends as (
    select
        member_id,
        stretch,
        ledger_id,
        before_id,
        gap_paisa
    from stretched
    where since_paisa = 0
),

-- Unapproved changes in the same direction as the last one: other corrections, or a change that is hidden behind a small one.
unapproved as (
    select
        p.member_id,
        p.stretch,
        max(abs(p.gap_paisa)) as widest_paisa,
        max(case when p.ledger_id = e.ledger_id then 1 else 0 end) as is_end,
        list_sort(list({'after_id': p.before_id, 'change_paisa': p.gap_paisa})) as changes
    from stretched as p
    inner join ends as e on p.member_id = e.member_id and p.stretch = e.stretch and (p.gap_paisa > 0) = (e.gap_paisa > 0)
    left join approved as a on p.member_id = a.member_id and p.ledger_id = a.ledger_id
    where a.member_id is null
    group by p.member_id, p.stretch
),

-- A stretch is closed if its last change is approved, and so is every other change in that direction that exceeds what a run may correct.
closed as (
    select
        e.member_id,
        e.stretch
    from ends as e
    left join unapproved as u on e.member_id = u.member_id and e.stretch = u.stretch
    cross join rules as r
    where u.member_id is null or (u.is_end = 0 and u.widest_paisa <= r.correction_max_paisa)
),

standing as (
    select
        p.*,
        u.changes
    from stretched as p
    left join unapproved as u on p.member_id = u.member_id and p.stretch = u.stretch
    left join closed as c on p.member_id = c.member_id and p.stretch = c.stretch
    left join explained as x on p.member_id = x.member_id and p.ledger_id = x.ledger_id and x.rest_paisa = 0
    where c.member_id is null and x.member_id is null and p.ledger_id < 9223372036854775807
),

-- A row with a wrong balance differs from the row before it and from the row after it: that is one finding, not two.
runs as (
    select
        p.*,
        sum(case when b.ledger_id is null then 1 else 0 end) over (partition by p.member_id order by p.ledger_id) as run
    from standing as p
    left join standing as b on p.member_id = b.member_id and p.before_id = b.ledger_id and p.gap_paisa = -b.gap_paisa
),

numbered as (
    select
        *,
        row_number() over (partition by member_id, run order by ledger_id) as place
    from runs
),

-- Members whose balances are right in the order of posting but not in the order of the ids: the id of a row was changed.
disordered as (
    select
        user_id as member_id,
        min(case when epoch_us(created_at) < epoch_us(before_at) - 3600000000 then id end) as ledger_id
    from (
        select
            id,
            user_id,
            created_at,
            lag(created_at) over (partition by user_id order by id) as before_at,
            balance_after_paisa - amount_paisa
            - coalesce(lag(balance_after_paisa) over (partition by user_id order by created_at, id), opening_paisa) as off_paisa
        from chain_rows
        where user_id in (select member_id from gaps)
    ) as dated
    group by user_id
    having max(abs(coalesce(off_paisa, 1))) = 0
),

reported as (
    select
        *,
        min(ledger_id) over (partition by member_id, stretch) as first_id
    from numbered
    where place % 2 = 1
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
        when n.ledger_id is not null then 'balance-after-wrong'
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
        'is_last': r.ledger_id = g.ledger_id,
        -- The wallet changes that ended this stretch and need an approval, and the break that represents the stretch.
        'changes': p.changes,
        'first_id': p.first_id,
        'disordered_id': d.ledger_id,
        'root_id': coalesce(whole.break_id, part.break_id)
    } as facts,
    g.ledger_id as key
from gaps as g
inner join reported as p on g.member_id = p.member_id and g.ledger_id = p.ledger_id
-- Another check reports rows of a member who does not exist, here and below.
inner join (select id from users where id in (select member_id from gaps)) as u on g.member_id = u.id
left join balances as b on g.member_id = b.member_id
left join last_rows as r on g.member_id = r.member_id
left join disordered as d on g.member_id = d.member_id
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
left join (
    select distinct w.ledger_id
    from gaps as w
    inner join gaps as o
        on w.member_id = o.member_id and w.gap_paisa = -o.gap_paisa and (w.ledger_id = o.before_id or w.before_id = o.ledger_id)
) as n on g.ledger_id = n.ledger_id
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
        'is_last': false,
        'changes': null::STRUCT(after_id BIGINT, change_paisa BIGINT)[],
        'first_id': null::BIGINT,
        'disordered_id': null::BIGINT,
        'root_id': null::VARCHAR
    } as facts,
    h.ledger_id as key
from balance_holes as h
where h.member_id in (select id from users)
