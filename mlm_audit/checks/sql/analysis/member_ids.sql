-- All users who can be members of the plan.
select id as member_id
from people
where role = 'user'
