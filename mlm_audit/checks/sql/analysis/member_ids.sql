-- Everybody who can be a member of the plan.
select id as member_id
from people
where role = 'user'
