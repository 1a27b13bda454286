-- $1 tenant, $2 now; one row a limit: $3 sources, $4 calls, $5 since, $6 what is written, $7 at most
-- Counts one more write under each limit that is not reached, and returns those. Whoever counts the same at the same
-- moment is waited for: the row is the lock, and what was counted goes away with what is rolled back. In one order, so that
-- two of them do not wait for each other.
insert into live_writes as w (tenant_id, connection_id, call_ref, since, writing, writes, at)
select $1, connection_id, call_ref, since, writing, 1, $2
from unnest($3::uuid[], $4::text[], $5::timestamptz[], $6::text[], $7::integer[])
    with ordinality as t (connection_id, call_ref, since, writing, most, place)
where most > 0
order by place
on conflict (tenant_id, connection_id, call_ref, since, writing) do update
set writes = w.writes + 1, at = excluded.at
where w.writes < (select l.most from unnest($3::uuid[], $4::text[], $5::timestamptz[], $6::text[], $7::integer[])
                      as l (connection_id, call_ref, since, writing, most)
                  where (l.connection_id, l.call_ref, l.since, l.writing)
                        = (excluded.connection_id, excluded.call_ref, excluded.since, excluded.writing))
returning writing
