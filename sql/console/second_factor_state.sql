-- $1 user
select f.confirmed_at is not null as "is_on!", u.second_factor_required as is_required
from users u
left join second_factors f on f.user_id = u.id
where u.id = $1
