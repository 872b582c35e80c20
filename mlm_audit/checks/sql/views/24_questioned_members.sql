-- The members whose months a finding may need. They are few, so the months of all other members need not be summed.
select member_id from sweep_faults
union
select member_id from decided_early
union
select member_id from missed_commissions
union
select member_id from decisions_against_log
union
select coalesce(upline_id, member_high) as member_id from level_faults
union
select user_id as member_id from commissions where order_id in (select order_id from level_faults)
union
select user_id as member_id
from fallen_lines
where order_id in (select order_id from order_sums where not stands and (differs or posted_paisa <> 0))
