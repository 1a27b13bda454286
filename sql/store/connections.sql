-- Every connection that is in use, with its live secrets and the digests of its live tokens, the newest first: the door
-- keeps them for a second.
select c.id, c.tenant_id, c.provider, c.slug, c.allow_unsigned, c.url_is_secret, c.is_default, c.header_name,
       c.header_value, c.verify_token_digest, c.allowed_addresses,
       s.ids as "secret_ids!", s.secrets as "secrets!",
       t.ids as "token_ids!", t.usages as "token_usages!", t.digests as "token_digests!"
from connections c
cross join lateral (
    select coalesce(array_agg(x.id order by x.created_at desc), '{}') as ids,
           coalesce(array_agg(x.secret order by x.created_at desc), '{}') as secrets
    from connection_secrets x
    where x.connection_id = c.id and x.id in (select id from live_source_credentials where source_id = c.id)
) s
cross join lateral (
    select coalesce(array_agg(x.id order by x.created_at desc), '{}') as ids,
           coalesce(array_agg(x.usage order by x.created_at desc), '{}') as usages,
           coalesce(array_agg(x.digest order by x.created_at desc), '{}') as digests
    from source_tokens x
    where x.source_id = c.id and x.id in (select id from live_source_credentials where source_id = c.id)
) t
where c.disabled_at is null
