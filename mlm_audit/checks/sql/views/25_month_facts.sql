-- The stored facts about a month of a member whom a finding may need: the roll-up record, the log's verdict if there is only one, and
-- the differences. gap_*: amounts that were decided but are missing from the roll-up record, its credit or the release credit.
with keys as (
    select member_id, month from member_months where member_id in (select member_id from questioned_members)
    union
    select user_id as member_id, year::BIGINT * 100 + month as month
    from commission_rollups
    where user_id in (select member_id from questioned_members)
    union
    select member_id, month from sweep_faults where month is not null
),

rollups as (
    select
        user_id,
        year::BIGINT * 100 + month as month,
        max(id) as rollup_id,
        max_by(amount_paisa, id) as rollup_paisa,
        max_by(commission_count, id)::BIGINT as rollup_count
    from commission_rollups
    where user_id in (select member_id from questioned_members)
    group by user_id, year::BIGINT * 100 + month
),

gaps as (
    select
        member_id,
        month,
        sum(rolled_up_paisa - recorded_paisa)::BIGINT as gap_recorded,
        sum(rolled_up_paisa - rollup_credited_paisa)::BIGINT as gap_credited,
        sum(released_paisa - credited_paisa)::BIGINT as gap_released
    from sweep_faults
    where month is not null
    group by member_id, month
)

select
    k.member_id,
    k.month,
    case when l.any_eligible = l.all_eligible then l.any_eligible end as is_eligible,
    {
        'rollup_id': r.rollup_id,
        'rollup_paisa': r.rollup_paisa,
        'rollup_count': r.rollup_count,
        'rolled_up_rows': coalesce(c.rows, 0)::BIGINT,
        'log_id': case when l.any_eligible = l.all_eligible then l.last_id end,
        'logged_paisa': l.rolled_up_paisa,
        'gap_recorded': coalesce(g.gap_recorded, 0)::BIGINT,
        'gap_credited': coalesce(g.gap_credited, 0)::BIGINT,
        'gap_released': coalesce(g.gap_released, 0)::BIGINT
    } as books
from keys as k
left join (select * from member_months where member_id in (select member_id from questioned_members)) as l
    on k.member_id = l.member_id and k.month = l.month
left join rollups as r on k.member_id = r.user_id and k.month = r.month
left join gaps as g on k.member_id = g.member_id and k.month = g.month
left join (
    select member_id, month, rows
    from month_commissions
    where status = 'rolled_up' and member_id in (select member_id from questioned_members)
) as c
    on k.member_id = c.member_id and k.month = c.month
