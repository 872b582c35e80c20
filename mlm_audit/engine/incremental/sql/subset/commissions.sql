select * from member_commissions
union select * from all_commissions where order_id in (select id from in_orders)
union select * from all_commissions where id in (select id from seed_commissions)
union select * from all_commissions where type = 'bonus'
