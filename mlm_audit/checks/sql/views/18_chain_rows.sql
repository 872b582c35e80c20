-- view
-- The ledger rows after the balance that was brought forward for their member; all rows if nothing was brought forward.
-- opening_*: the state of the member's chain before the first of these rows; opening_since_paisa: the rows after it without a balance.
select
    l.*,
    coalesce(b.balance_paisa, 0) as opening_paisa,
    b.before_id as opening_id,
    b.before_amount_paisa as opening_amount_paisa,
    coalesce(b.since_paisa, 0) as opening_since_paisa
from ledger as l
left join brought_forward as b on l.user_id = b.user_id
where b.user_id is null or l.id > b.last_id
