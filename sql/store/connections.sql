-- Every connection that is in use, with its live secrets: the door keeps them for a second.
select c.id, c.tenant_id, c.provider, c.slug, c.allow_unsigned, c.url_is_secret, c.is_default, c.header_name,
       c.header_value, c.verify_token_digest, c.allowed_addresses,
       coalesce(array_agg(s.id order by s.created_at desc) filter (where s.id is not null), '{}') as "secret_ids!",
       coalesce(array_agg(s.secret order by s.created_at desc) filter (where s.id is not null), '{}') as "secrets!"
from connections c
left join connection_secrets s on s.connection_id = c.id and (s.expires_at is null or s.expires_at > now())
where c.disabled_at is null
group by c.id
