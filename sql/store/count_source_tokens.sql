-- $1 source, $2 usage
-- Tokens that verify now, the temporary ones left out. The source is locked, so that two who add at once are counted.
with locked as (select id from connections where id = $1 for update)
select count(*) as "count!"
from live_source_credentials
where source_id in (select id from locked) and usage = $2 and not is_temporary
