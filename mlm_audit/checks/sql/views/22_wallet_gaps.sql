-- For members whose wallet differs from the ledger: every place where the two part, the end of the ledger included.
with last_rows as (
    select
        l.user_id,
        max(l.id) as ledger_id
    from ledger as l
    inner join balances as b on l.user_id = b.member_id
    where l.balance_after_paisa is not null
    group by l.user_id
),

ends as (
    select
        b.member_id,
        null::BIGINT as ledger_id,
        l.id as before_id,
        l.amount_paisa as before_amount_paisa,
        b.wallet_paisa - coalesce(l.balance_after_paisa, 0) as gap_paisa
    from balances as b
    left join last_rows as r on b.member_id = r.user_id
    left join ledger as l on r.ledger_id = l.id
),

every as (
    select
        g.member_id, g.ledger_id, g.before_id, g.before_amount_paisa, g.gap_paisa
    from gaps as g
    inner join balances as b on g.member_id = b.member_id
    union all
    select
        member_id, ledger_id, before_id, before_amount_paisa, gap_paisa
    from ends
    where gap_paisa <> 0
)

select
    e.*,
    count(*) over (partition by e.member_id) as gaps,
    row_number() over (partition by e.member_id order by abs(e.gap_paisa) desc, e.ledger_id) as place
from every as e
