-- $1 kind, $2 now (null: the database's clock), $3 lease in seconds, $4 jobs at most, $5 jobs of one tenant at once
-- Tenants are found by skipping through the index, and each gives its first jobs in turn: one tenant's backlog costs
-- the others nothing. What is leased counts against its tenant, in whatever process it runs.
with recursive clock as (
    select coalesce($2, now()) as now
), tenants_due as (
    (select tenant_id from jobs where kind = $1 and settled_at is null order by tenant_id limit 1)
    union all
    select (select j.tenant_id from jobs j
            where j.kind = $1 and j.settled_at is null and j.tenant_id > t.tenant_id order by j.tenant_id limit 1)
    from tenants_due t where t.tenant_id is not null
), candidates as (
    select j.id, j.sending_at is not null as was_sending, j.due_at,
           row_number() over (partition by t.tenant_id order by j.due_at, j.id) as place
    from tenants_due t cross join clock cross join lateral (
        select id, sending_at, due_at from jobs
        where kind = $1 and tenant_id = t.tenant_id and settled_at is null and due_at <= clock.now
          and (lease_until is null or lease_until <= clock.now)
        order by due_at, id
        limit greatest($5 - (select count(*) from jobs r
                             where r.kind = $1 and r.tenant_id = t.tenant_id and r.settled_at is null
                               and r.lease_until > clock.now), 0)
        for update skip locked
    ) j
    where t.tenant_id is not null and not exists (select from job_pauses p where p.kind = $1)
), chosen as (
    select id, was_sending from candidates order by place, due_at, id limit $4
)
update jobs
set claims = jobs.claims + 1, waiting_since = coalesce(jobs.waiting_since, clock.now),
    lease_until = clock.now + make_interval(secs => $3)
from chosen, clock
where jobs.id = chosen.id
returning jobs.id, jobs.tenant_id, jobs.key, jobs.payload::text as "payload!", jobs.attempts, jobs.claims,
          jobs.waiting_since as "waiting_since!", chosen.was_sending as "was_sending!"
