select * from member_withdrawals
union select * from all_withdrawals where id in (select id from in_withdrawals)
