-- $1 sources, $2 requests and $3 bytes that each may keep
-- Networks that had verified stay longest; then the first of each minute and network, then the second, and so on: a flood
-- comes from few networks or in few minutes, and takes the place of what came before it nowhere.
delete from kept_requests k
using (
    select id, row_number() over w as place, sum(bytes) over w as bytes
    from kept_requests
    where source_id = any ($1)
    window w as (partition by source_id order by is_known desc, rank, at, id)
) ordered
where k.id = ordered.id and (ordered.place > $2 or ordered.bytes > $3)
