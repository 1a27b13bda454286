-- $1 kinds, $2 keys
-- Those of them, by their place from 1, of which this server does not know how they ended, or that they ever were.
select t.place as "place!"
from unnest($1::text[], $2::text[]) with ordinality as t (kind, key, place)
left join jobs j on j.kind = t.kind and j.key = t.key
where j.outcome is null
order by t.place
