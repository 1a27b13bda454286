-- $1 kind, $2 now (null: the database's clock), $3 lease in seconds, $4 jobs at most, $5 jobs of one tenant at once,
-- $6 whether a job whose outcome is unknown is simply done again, $7 tenants with due jobs (sql/outbox/tenants_due.sql),
-- $8 seconds after which whoever has claimed them is taken to be gone, unless it has said that it lives
-- Each tenant gives its first jobs in turn: one tenant's backlog costs the others nothing. What is worked
-- on counts against its tenant, in whatever process: it limits how many more it gets, and whoever has less in hand comes first.
-- A process that was killed works on nothing: what it had not begun to send is another's soon, since it can begin nothing under
-- an older claim; what it had begun waits for the end of its lease. Among
-- equals chance decides: by age, a new job would wait for all older ones as soon as more tenants are busy than there is room
-- for. An attempt whose end nobody knows is counted as it is taken up again; where a person is to be asked, it stays on the
-- job until it is settled.
-- What was chosen is found by its keys and by nothing else, and looked at afterwards: where the statistics say that all jobs
-- are settled, reading the index of those that are not would look cheaper than eight keys, and is a read of all that wait.
with clock as (
    select coalesce($2, now()) as now
), candidates as (
    select j.id, r.in_hand + row_number() over (partition by t.tenant_id order by j.due_at, j.id) as place
    from unnest($7::uuid[]) as t (tenant_id) cross join clock
    cross join lateral (
        select count(*) as in_hand from jobs
        where kind = $1 and tenant_id = t.tenant_id and settled_at is null and lease_until > clock.now
          and alive_until > clock.now
    ) r
    cross join lateral (
        select id, due_at from jobs
        where kind = $1 and tenant_id = t.tenant_id and settled_at is null and due_at <= clock.now
          and (lease_until is null or lease_until <= clock.now or (alive_until <= clock.now and sending_at is null))
        order by due_at, id
        limit greatest($5 - r.in_hand, 0)
    ) j
), locked as materialized (
    select id, settled_at, lease_until, alive_until, sending_at is not null as was_sending
    from jobs
    where id = any (array(select id from candidates order by place, random() limit $4))
    for update skip locked
), chosen as (
    select id, was_sending
    from locked cross join clock
    where settled_at is null
      and (lease_until is null or lease_until <= clock.now or (alive_until <= clock.now and not was_sending))
)
update jobs
set claims = jobs.claims + 1, waiting_since = coalesce(jobs.waiting_since, clock.now),
    lease_until = clock.now + make_interval(secs => $3), alive_until = clock.now + make_interval(secs => $8),
    unknown_outcomes = jobs.unknown_outcomes + ($6 and chosen.was_sending)::integer,
    sending_at = case when $6 then null else jobs.sending_at end
from chosen, clock
where jobs.id = chosen.id
returning jobs.id, jobs.tenant_id, jobs.key, jobs.payload::text as "payload!", jobs.attempts, jobs.claims,
          jobs.waiting_since as "waiting_since!", chosen.was_sending as "was_sending!",
          jobs.unknown_outcomes
