-- $1 connection, $2 milliseconds from now, $3 whether they end even if no newer one has verified anything
-- Never later than before: a secret that ends sooner keeps its end. Those that outlive theirs end now if it is said so.
update connection_secrets
set expires_at = least(expires_at, now() + $2 * interval '1 millisecond'), ends_unreplaced = ends_unreplaced or $3
where connection_id = $1 and not is_temporary
  and (id in (select id from live_source_credentials where source_id = $1)
       or ($3 and not ends_unreplaced))
