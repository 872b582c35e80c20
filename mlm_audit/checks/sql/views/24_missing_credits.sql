-- Money that other records prove and the ledger does not show, or shows with another amount; per member.
-- lost_paisa: what the ledger lacks (negative: a debit it lacks). whole: no row at all, else a row with another amount.
select
    upline_id as member_id,
    'commissions' as record,
    order_id as record_id,
    amount_paisa - credited_paisa as lost_paisa,
    credits = 0 as whole
from level_faults
where is_expected and is_joining and to_member and credits < 2 and credited_paisa <> amount_paisa
union all
select
    member_id,
    'SelfPayoutSchedule' as record,
    schedule_id as record_id,
    amount_paisa - credited_paisa as lost_paisa,
    credits = 0 as whole
from payout_faults
where status = 'paid' and credits < 2
union all
select
    member_id,
    'withdrawal_requests' as record,
    withdrawal_id as record_id,
    debited_paisa - amount_paisa as lost_paisa,
    debits = 0 as whole
from withdrawal_faults
where status = 'approved' and debits < 2
union all
select
    member_id,
    'commissions released in' as record,
    month as record_id,
    released_paisa - credited_paisa as lost_paisa,
    credits = 0 as whole
from sweep_faults
where released_paisa <> credited_paisa and credits < 2
