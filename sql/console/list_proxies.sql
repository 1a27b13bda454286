-- The peers of the last week.
select host(peer) as "peer!" from untrusted_proxies where seen_at > now() - interval '7 days' order by peer
