-- Every connection, also the disabled ones, with the state of its secrets; never a secret itself. Our own one for
-- results is nobody's business.
select c.id, c.provider, c.slug, t.slug as "tenant?", c.allow_unsigned, c.url_is_secret, c.is_default, c.header_name,
       c.verify_token_digest is not null as "has_verify_token!", c.allowed_addresses, c.region, c.disabled_at, c.created_at,
       count(s.id) filter (where s.expires_at is null or s.expires_at > now()) as "live_secrets!",
       count(s.id) filter (where s.expires_at <= now()) as "expired_secrets!",
       max(s.last_used_at) as "secret_used_at?"
from connections c
left join tenants t on t.id = c.tenant_id
left join connection_secrets s on s.connection_id = c.id
where c.provider <> 'switchhook'
group by c.id, t.slug
order by c.provider, c.slug
