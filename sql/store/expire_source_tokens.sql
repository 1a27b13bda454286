-- $1 source, $2 usage, $3 milliseconds from now, $4 whether they end even if no newer one has verified anything
-- Never later than before, as secrets.
update source_tokens
set expires_at = least(expires_at, now() + $3 * interval '1 millisecond'), ends_unreplaced = ends_unreplaced or $4
where source_id = $1 and usage = $2 and not is_temporary
  and (id in (select id from live_source_credentials where source_id = $1) or ($4 and not ends_unreplaced))
