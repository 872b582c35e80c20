-- The ids that the subset contains, from the seeds. What a whole member's rows refer to is included as well, and then the
-- other rows of that.
create or replace table in_members as select id from seed_members;
create or replace table member_ledger as select * from all_ledger where user_id in (select id from in_members);
create or replace table member_commissions as select * from all_commissions where user_id in (select id from in_members);
create or replace table member_schedules as select * from all_payout_schedule where user_id in (select id from in_members);
create or replace table member_history as select * from all_payout_history where user_id in (select id from in_members);
create or replace table member_withdrawals as select * from all_withdrawals where user_id in (select id from in_members);

create or replace table first_schedules as
select id from seed_schedules
union select id from member_schedules
union select schedule_id from member_history
union select reference_id from member_ledger where type = 'self_payout';

create or replace table in_orders as
select id from seed_orders
union select id from all_orders where user_id in (select id from in_members)
union select order_id from member_commissions
union select reference_id from member_ledger where type in {order_lines}
union select order_id from all_payout_schedule where id in (select id from first_schedules);

create or replace table in_schedules as
select id from first_schedules
union select id from all_payout_schedule where order_id in (select id from in_orders);

create or replace table in_withdrawals as
select id from seed_withdrawals
union select id from member_withdrawals
union select reference_id from member_ledger where type = 'withdrawal';
