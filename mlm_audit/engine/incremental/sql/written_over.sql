-- The members of whom a row changed that the balance brought forward includes.
create or replace table written_over as
select distinct c.user_id
from changed_ledger as c inner join kept_brought_forward as b on c.user_id = b.user_id
where c.id <= b.last_id
