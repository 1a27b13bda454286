-- $1 tenants, $2 pattern of the number, $3 ids of the person's calls, messages, outreaches and leads, as text
select j.id
from jobs j
where j.tenant_id = any ($1)
  and (concat_ws(' ', j.key, j.payload::text, j.last_error, j.note, j.preview) ~ $2
       or exists (select from unnest($3::text[]) as known (id)
                  where strpos(j.key || ' ' || j.payload::text, known.id) > 0))
