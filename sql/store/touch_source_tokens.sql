-- $1 tokens that verified a request lately
update source_tokens set last_verified_at = now() where id = any ($1::uuid[])
