-- code: bonus-record
-- title: A released bonus record without its ledger credit
-- severity: high
-- needs: commissions, ledger
-- requires: none
-- optional: none
-- determines: commissions.(row), commissions.amount_paisa, commissions.type, commissions.user_id, ledger.amount_paisa, ledger.type, ledger.user_id
-- about: issue
-- slices: none
-- local: yes
-- causes: bonus-not-posted
-- follows: lost-member
-- explains: none
-- proves: Every released bonus record has a ledger credit of type bonus for the same member and amount.
-- do: Post the bonus to the member with an authorisation, or withdraw the record.
-- message: Member {member_id} has {records_text} of {each_paisa}, but {credits_text} of that amount.
with recorded as (
    select
        user_id as member_id,
        amount_paisa as each_paisa,
        count(*) as records,
        min(id) as first_commission_id,
        max(id) as last_commission_id
    from commissions
    where type = 'bonus' and status = 'released'
    group by user_id, amount_paisa
),

credited as (
    select
        user_id as member_id,
        amount_paisa as each_paisa,
        count(*) as credits
    from ledger
    where type = 'bonus'
    group by user_id, amount_paisa
)

select
    r.member_id,
    -r.each_paisa * (r.records - coalesce(c.credits, 0)) as amount_paisa,
    r.each_paisa,
    case when r.records = 1 then '1 released bonus record' else r.records || ' released bonus records' end as records_text,
    case when c.credits = 1 then '1 ledger credit' else coalesce(c.credits, 0) || ' ledger credits' end as credits_text,
    'bonus-not-posted' as cause,
    [{'table': 'commissions', 'id': r.first_commission_id}, {'table': 'commissions', 'id': r.last_commission_id}] as evidence,
    {'each_paisa': r.each_paisa, 'missing': r.records - coalesce(c.credits, 0), 'record_id': r.last_commission_id} as facts,
    r.member_id || '/' || r.each_paisa as key
from recorded as r
left join credited as c on r.member_id = c.member_id and r.each_paisa = c.each_paisa
where r.records > coalesce(c.credits, 0)
