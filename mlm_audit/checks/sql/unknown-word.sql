-- code: unknown-word
-- title: An unknown status, role or kind
-- severity: high
-- needs: users, commissions, withdrawals, payout_schedule, payout_history, authorisations
-- requires: none
-- optional: users, commissions, withdrawals, payout_schedule, payout_history, authorisations
-- determines: none
-- about: issue
-- slices: none
-- local: yes
-- causes: unknown-word
-- follows: none
-- explains: none
-- proves: Every status, role and kind is one of the known words, so that no row is skipped because of its spelling.
-- do: Find out what the word means on the platform; correct it, or add the word to the mapping.
-- message: {table_name}.{column_name} is {word} in {rows_text}; the word is not known, so the checks that depend on it decide nothing.
with words as (
    select 'users' as input, 'users' as table_name, 'role' as column_name, role as word, id from users
    union all
    select 'commissions', 'commissions', 'type', type, id from noted_commissions
    union all
    select 'commissions', 'commissions', 'status', status, id from noted_commissions
    union all
    select 'withdrawals', 'withdrawal_requests', 'status', status, id from withdrawals
    union all
    select 'payout_schedule', 'SelfPayoutSchedule', 'status', status, id from payout_schedule
    union all
    select 'payout_history', 'PayoutHistory', 'type', type, id from payout_history
    union all
    select 'payout_history', 'PayoutHistory', 'status', status, id from payout_history
    union all
    select 'authorisations', 'AuditAuthorisation', 'kind', kind, id from authorisations
),

unknown as (
    select w.table_name, w.column_name, w.word, w.id
    from words as w
    left join known_words as k on w.input = k.input and w.column_name = k.column_name and w.word = k.word
    where k.word is null
)

select
    null::BIGINT as member_id,
    table_name,
    column_name,
    coalesce(word, '(none)') as word,
    case when count(*) = 1 then 'row ' || min(id) else count(*) || ' rows, starting with row ' || min(id) end as rows_text,
    'unknown-word' as cause,
    [{'table': table_name, 'id': min(id)}] as evidence,
    table_name || '.' || column_name || '/' || coalesce(word, '(none)') as key
from unknown
group by table_name, column_name, word
