-- $1 tenant (null: shared), $2 provider, $3 slug, $4 allow unsigned, $5 url is secret, $6 is default, $7 header name,
-- $8 header value, $9 allowed addresses, $10 region, $11 digest of the verify token
insert into connections
    (tenant_id, provider, slug, allow_unsigned, url_is_secret, is_default, header_name, header_value,
     allowed_addresses, region, verify_token_digest)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
returning id
