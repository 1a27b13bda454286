-- Every connection, also the disabled ones, with the state of its secrets and tokens; never one of them. Our own one for
-- results is nobody's business.
select c.id, c.provider, c.slug, t.slug as "tenant?", c.allow_unsigned, c.url_is_secret, c.is_default, c.header_name,
       c.verify_token_digest is not null as "has_verify_token!", c.allowed_addresses, c.region, c.disabled_at, c.created_at,
       l.secrets as "live_secrets!", a.secrets - l.secrets as "expired_secrets!", l.url_tokens as "url_tokens!",
       l.live_tokens as "live_tokens!", a.last_verified_at as "secret_used_at?", u.expires_at as "working_ends_at?"
from connections c
left join tenants t on t.id = c.tenant_id
cross join lateral (
    select count(*) filter (where usage = 'secret') as secrets, count(*) filter (where usage = 'webhook') as url_tokens,
           count(*) filter (where usage = 'live') as live_tokens
    from live_source_credentials where source_id = c.id
) l
cross join lateral (
    select count(*) filter (where usage = 'secret') as secrets, max(last_verified_at) as last_verified_at
    from source_credentials where source_id = c.id
) a
left join lateral (
    select min(expires_at) as expires_at from unfinished_rotations where source_id = c.id
) u on true
where c.provider <> 'switchhook'
order by c.provider, c.slug
