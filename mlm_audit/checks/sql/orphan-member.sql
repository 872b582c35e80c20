-- code: orphan-member
-- title: Rows of a member who does not exist
-- severity: high
-- needs: users, ledger, commissions
-- requires: none
-- optional: users, ledger, commissions
-- determines: commissions.user_id, ledger.user_id, orders.user_id, payout_schedule.user_id, users.(row), users.id, withdrawals.user_id
-- about: issue
-- slices: none
-- local: yes
-- causes: unknown-member
-- follows: row
-- explains: none
-- proves: Every row that names a member names an existing one.
-- do: Find the deleted or mistyped member; restore it or move the rows.
-- message: {rows_text} member {member_id}, who does not exist.
with everybody as (
    select user_id from ledger_sums
    union
    select distinct user_id from commissions
    union
    select distinct user_id from withdrawals
    union
    select distinct user_id from payout_schedule
    union
    select distinct user_id from payout_history
    union
    select distinct user_id from orders
    union
    select distinct user_id from eligibility_log
    union
    select distinct user_id from commission_rollups
),

unknown as (
    select user_id from everybody where user_id not in (select id from users)
),

named as (
    select 'ledger' as table_name, user_id, id, amount_paisa
    from ledger
    where
        user_id in (select user_id from unknown)
        -- A reversed row and its reversal no longer belong to anyone.
        and id not in (select of_id from taken_back)
        and id not in (select ledger_id from corrections)
    union all
    select 'commissions' as table_name, user_id, id, amount_paisa
    from commissions
    where user_id in (select user_id from unknown)
    union all
    select 'withdrawal_requests' as table_name, user_id, id, amount_paisa
    from withdrawals
    where user_id in (select user_id from unknown)
    union all
    select 'SelfPayoutSchedule' as table_name, user_id, id, amount_paisa
    from payout_schedule
    where user_id in (select user_id from unknown)
    union all
    select 'PayoutHistory' as table_name, user_id, id, amount_paisa
    from payout_history
    where user_id in (select user_id from unknown)
    union all
    select 'EligibilityLog' as table_name, user_id, id, 0::BIGINT as amount_paisa
    from eligibility_log
    where user_id in (select user_id from unknown)
    union all
    select 'CommissionRollup' as table_name, user_id, id, amount_paisa
    from commission_rollups
    where user_id in (select user_id from unknown)
    union all
    select 'order' as table_name, user_id, id, 0::BIGINT as amount_paisa
    from orders
    where user_id in (select user_id from unknown)
),

summed as (
    select
        user_id,
        table_name,
        sum(amount_paisa)::BIGINT as amount_paisa,
        count(*) as rows,
        min(id) as first_id,
        max(id) as last_id
    from named
    group by user_id, table_name
),

-- The only member without ledger rows whose wallet equals the sum of the rows: the member's id may have been changed. Orders or records
-- must also name the old id.
renumbered as (
    select s.user_id, max(b.member_id) as member_id
    from (
        select user_id, amount_paisa
        from summed
        where table_name = 'ledger' and user_id in (select user_id from summed where table_name <> 'ledger')
    ) as s
    inner join (select * from balances where ledger_paisa = 0 and member_id not in (select user_id from ledger_sums)) as b
        on s.amount_paisa = b.wallet_paisa
    group by s.user_id
    having count(*) = 1
)

select
    s.user_id as member_id,
    s.amount_paisa,
    case when s.rows = 1 then '1 row in ' || s.table_name || ' names' else s.rows || ' rows in ' || s.table_name || ' name' end as rows_text,
    'unknown-member' as cause,
    [{'table': s.table_name, 'id': s.first_id}, {'table': s.table_name, 'id': s.last_id}] as evidence,
    {
        'table': s.table_name,
        'rows': s.rows,
        'row_id': s.last_id,
        'type': l.type,
        'reference_id': l.reference_id,
        'level': l.level_depth,
        'tables': count(*) over (partition by s.user_id),
        'renumbered_id': r.member_id
    } as facts,
    s.table_name || '/' || s.user_id as key
from summed as s
left join (select * from ledger where id in (select last_id from summed where table_name = 'ledger')) as l
    on s.table_name = 'ledger' and s.last_id = l.id
left join renumbered as r on s.user_id = r.user_id
