-- $1 within so many days
-- Tokens that were used in the last thirty days and end soon.
select id, label, expires_at as "expires_at!" from api_tokens
where expires_at > now() and expires_at < now() + $1 * interval '1 day' and last_used_at > now() - interval '30 days'
order by expires_at
