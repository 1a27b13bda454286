-- Jobs by kind: what waits, what is late, what died; done ones of the last day.
select j.kind as "kind!",
       count(*) filter (where j.settled_at is null) as "pending!",
       count(*) filter (where j.settled_at is null and j.due_at <= now()) as "due!",
       count(*) filter (where j.settled_at is null and j.lease_until > now()) as "running!",
       count(*) filter (where j.outcome = 'dead') as "dead!",
       count(*) filter (where j.outcome = 'done') as "done!",
       count(*) filter (where j.outcome = 'skipped') as "skipped!",
       count(*) filter (where j.outcome = 'cancelled') as "cancelled!",
       coalesce(sum(j.unknown_outcomes), 0)::bigint as "unknown_outcomes!",
       coalesce(extract(epoch from now() - min(j.due_at) filter (where j.settled_at is null and j.due_at <= now())),
                0)::float8 as "oldest_due_seconds!",
       (select p.reason from job_pauses p where p.kind = j.kind) as "paused?"
from jobs j
where j.settled_at is null or j.outcome = 'dead' or j.settled_at > now() - interval '24 hours'
group by j.kind
order by j.kind
