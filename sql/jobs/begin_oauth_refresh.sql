-- $1 account, $2 how long making a token may take in seconds, $3 now by the caller's clock
-- One process makes the token; no lock is held while the vendor is asked. The lease goes by the database's clock.
insert into oauth_tokens as t (account, refreshing_until) values ($1, now() + make_interval(secs => $2))
on conflict (account) do update set refreshing_until = excluded.refreshing_until
where (t.refreshing_until is null or t.refreshing_until <= now())
  and (t.throttled_until is null or t.throttled_until <= $3)
returning true as "mine!"
