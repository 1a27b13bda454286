-- $1 tokens that verified a request lately; of a temporary one it says nothing, as of secrets
update source_tokens set last_verified_at = now() where id = any ($1::uuid[]) and not is_temporary
