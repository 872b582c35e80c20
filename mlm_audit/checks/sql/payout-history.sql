-- code: payout-history
-- title: Paid instalments and PayoutHistory disagree
-- severity: medium
-- needs: payout_schedule, payout_history, ledger
-- requires: ledger.reference_id
-- optional: none
-- determines: payout_history.(row), payout_history.amount_paisa, payout_history.schedule_id, payout_history.status, payout_history.type, payout_schedule.(row), payout_schedule.actual_amount_paisa, payout_schedule.status, payout_history.user_id
-- about: payout
-- slices: wallet, order, payout
-- local: yes
-- causes: history-amount, history-missing, history-other-member, history-twice, history-unexpected
-- follows: lost-member
-- explains: none
-- proves: Every paid instalment has one completed PayoutHistory row with its amount, and every such row has its paid instalment.
-- do: Add, correct or cancel the history row as `mlm-audit remedy show` says; no money moves.
-- message: Instalment {schedule_id} has {rows_text} with a total of {recorded_paisa}; {expected_paisa} is expected.
with history as (
    select
        schedule_id,
        -- A reversing row counts as minus one.
        sum(case when amount_paisa < 0 then -1 else 1 end)::BIGINT as rows,
        sum(amount_paisa)::BIGINT as recorded_paisa,
        min(user_id) as member_id,
        max(user_id) as last_member_id,
        min(id) as history_id,
        max(id) as last_history_id
    from payout_history
    where type = 'self_payout' and status = 'completed' and schedule_id is not null
    group by schedule_id
),

paid as (
    select id, user_id, order_id, coalesce(actual_amount_paisa, amount_paisa) as amount_paisa
    from payout_schedule
    where status = 'paid'
)

select
    coalesce(p.user_id, h.member_id) as member_id,
    p.order_id,
    coalesce(p.id, h.schedule_id) as schedule_id,
    coalesce(h.recorded_paisa, 0) - coalesce(p.amount_paisa, 0) as amount_paisa,
    case when h.rows = 1 then '1 completed history row' else coalesce(h.rows, 0) || ' completed history rows' end as rows_text,
    coalesce(h.recorded_paisa, 0) as recorded_paisa,
    coalesce(p.amount_paisa, 0) as expected_paisa,
    case
        when h.schedule_id is null then 'history-missing'
        when p.id is null then 'history-unexpected'
        when h.rows > 1 then 'history-twice'
        when h.recorded_paisa <> p.amount_paisa then 'history-amount'
        else 'history-other-member'
    end as cause,
    [{'table': 'SelfPayoutSchedule', 'id': coalesce(p.id, h.schedule_id)}, {'table': 'PayoutHistory', 'id': h.history_id}]
        as evidence,
    {
        'schedule_id': coalesce(p.id, h.schedule_id),
        'due_paisa': p.amount_paisa,
        'recorded_paisa': h.recorded_paisa,
        -- Of several rows, the one that does not match the instalment, otherwise the last.
        'history_id': coalesce(w.history_id, h.last_history_id),
        'member_id': case when h.member_id <> p.user_id then h.member_id else h.last_member_id end
    } as facts,
    coalesce(p.id, h.schedule_id) as key
from paid as p
full outer join history as h on p.id = h.schedule_id
-- Negative payouts that recovered an instalment.
left join (
    select reference_id, sum(amount_paisa)::BIGINT as taken_back_paisa
    from ledger
    where type = 'self_payout' and amount_paisa < 0
    group by reference_id
) as t
    on p.id = t.reference_id
left join (
    select
        r.schedule_id,
        max(r.id) as history_id
    from payout_history as r
    inner join (select * from history where rows > 1) as m on r.schedule_id = m.schedule_id
    inner join (select * from paid where id in (select schedule_id from history where rows > 1)) as q on r.schedule_id = q.id
    where
        r.type = 'self_payout' and r.status = 'completed'
        and (r.amount_paisa <> q.amount_paisa or r.user_id is distinct from q.user_id)
    group by r.schedule_id
) as w
    on h.schedule_id = w.schedule_id
where
    p.id is null
    or h.schedule_id is null
    or h.rows > 1
    or (h.recorded_paisa <> p.amount_paisa and h.recorded_paisa <> p.amount_paisa + coalesce(t.taken_back_paisa, 0))
    or h.member_id <> p.user_id
    or h.last_member_id <> p.user_id
