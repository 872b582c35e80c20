-- Repurchase commission that was released or rolled up before the business month of its order had ended.
select
    c.user_id as member_id,
    c.order_id,
    c.amount_paisa,
    c.id as commission_id,
    o.month
from (
    select *
    from commissions
    where
        type = 'repurchase'
        and status in ('released', 'rolled_up')
        and user_id in (select member_id from month_commissions where early_rows > 0)
) as c
inner join paid_orders as o on c.order_id = o.order_id
inner join months as m on o.month = m.month
where c.processed_at < m.ends_at
