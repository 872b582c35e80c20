-- For members whose wallet differs from the ledger: every gap between the two, including the one at the end of the ledger.
-- is_chained: the last row has a running balance, so the position of the gap is known; otherwise only the difference is known.
with last_rows as (
    select
        l.user_id,
        max(l.id) as ledger_id
    from ledger as l
    inner join balances as b on l.user_id = b.member_id
    group by l.user_id
),

ends as (
    select
        b.member_id,
        null::BIGINT as ledger_id,
        l.id as before_id,
        case when l.balance_after_paisa is not null then l.amount_paisa end as before_amount_paisa,
        coalesce(l.id is null or l.balance_after_paisa is not null, false) as is_chained,
        (b.difference_paisa - coalesce(g.gap_paisa, 0))::BIGINT as gap_paisa
    from balances as b
    left join last_rows as r on b.member_id = r.user_id
    left join ledger as l on r.ledger_id = l.id
    left join (
        select
            member_id,
            sum(gap_paisa) as gap_paisa
        from gaps
        group by member_id
    ) as g on b.member_id = g.member_id
),

every as (
    select
        g.member_id, g.ledger_id, g.before_id, g.before_amount_paisa, true as is_chained, g.gap_paisa
    from gaps as g
    inner join balances as b on g.member_id = b.member_id
    union all
    select
        member_id, ledger_id, before_id, before_amount_paisa, is_chained, gap_paisa
    from ends
    where gap_paisa <> 0
)

select
    e.*,
    count(*) over (partition by e.member_id) as gaps,
    row_number() over (partition by e.member_id order by abs(e.gap_paisa) desc, e.ledger_id) as place
from every as e
