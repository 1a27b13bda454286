-- Every connection, also the disabled ones, with the state of its secrets and tokens, but for temporary ones; never one of
-- them. Our own one for results is nobody's business.
select c.id, c.provider, c.slug, t.slug as "tenant?", c.allow_unsigned, c.url_is_secret, c.is_default, c.header_name,
       c.verify_token_digest is not null as "has_verify_token!", c.allowed_addresses, c.region, c.disabled_at, c.created_at,
       l.secrets as "live_secrets!", a.secrets - l.secrets as "expired_secrets!", l.url_tokens as "url_tokens!",
       l.live_tokens as "live_tokens!", a.last_verified_at as "secret_used_at?", u.expires_at as "working_ends_at?",
       u.ends_unreplaced as "working_ends_unreplaced?", u.has_ended as "working_has_ended?"
from connections c
left join tenants t on t.id = c.tenant_id
cross join lateral (
    select count(*) filter (where usage = 'secret') as secrets, count(*) filter (where usage = 'webhook') as url_tokens,
           count(*) filter (where usage = 'live') as live_tokens
    from live_source_credentials where source_id = c.id and not is_temporary
) l
cross join lateral (
    select count(*) filter (where usage = 'secret') as secrets, max(last_verified_at) as last_verified_at
    from source_credentials where source_id = c.id and not is_temporary
) a
left join lateral (
    select expires_at, ends_unreplaced, has_ended from unfinished_rotations
    where source_id = c.id order by ends_unreplaced desc, expires_at limit 1
) u on true
where c.provider <> 'switchhook'
order by c.provider, c.slug
