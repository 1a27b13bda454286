-- $1 peer
insert into untrusted_proxies (peer) values ($1::text::inet) on conflict (peer) do update set seen_at = now()
