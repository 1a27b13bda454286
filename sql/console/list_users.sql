-- $1 tenant (null: all users, also those who see all tenants)
select u.id, t.slug as "tenant?", u.login, u.role, f.confirmed_at is not null as "has_second_factor!",
       u.second_factor_required, u.created_at, u.last_used_at,
       case when u.oidc_issuer is null then 'password' else 'oidc' end as "signs_in_with!"
from users u
left join tenants t on t.id = u.tenant_id
left join second_factors f on f.user_id = u.id
where $1::uuid is null or u.tenant_id = $1
order by u.login
