-- The orders of breaks. A break of the whole platform concerns every order whose commissionable amount exceeds its total.
select order_id from given_breaks
union select id from all_orders
where paid_at is not null and commission_amount_paisa > total_paisa
    and exists (select 1 from given_breaks where id = 'order-amount/platform')
