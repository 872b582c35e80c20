-- code: orphan-member
-- title: Rows of a member who does not exist
-- severity: high
-- needs: users, ledger, commissions
-- proves: Every row with a member names one that exists.
-- do: Find the deleted or mistyped member; restore it or move the rows.
-- message: {rows} rows in {table_name} name member {member_id}, who does not exist.
with named as (
    select 'ledger' as table_name, user_id, id, amount_paisa from ledger where user_id is not null
    union all
    select 'commissions' as table_name, user_id, id, amount_paisa from commissions where user_id is not null
    union all
    select 'withdrawal_requests' as table_name, user_id, id, amount_paisa from withdrawals
    union all
    select 'SelfPayoutSchedule' as table_name, user_id, id, amount_paisa from payout_schedule
    union all
    select 'PayoutHistory' as table_name, user_id, id, amount_paisa from payout_history
    union all
    select 'order' as table_name, user_id, id, 0::BIGINT as amount_paisa from orders
)

select
    n.user_id as member_id,
    sum(n.amount_paisa)::BIGINT as amount_paisa,
    n.table_name,
    count(*) as rows,
    'unknown-member' as cause,
    [{'table': n.table_name, 'id': min(n.id)}, {'table': n.table_name, 'id': max(n.id)}] as evidence,
    n.table_name || '/' || n.user_id as key
from named as n
where n.user_id not in (select id from users)
group by n.user_id, n.table_name
