select * from member_history
union select * from all_payout_history where schedule_id in (select id from in_schedules)
union select * from all_payout_history where id in (select id from seed_histories)
