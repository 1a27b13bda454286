-- What the outbox looks for again and again is found without reading a backlog, or all jobs that ever were.

-- Who is in hand: what a tenant may still be given.
create index jobs_in_hand_idx on jobs (kind, tenant_id, alive_until) where settled_at is null and lease_until is not null;
-- Who else looks at the same person.
create index jobs_lead_idx on jobs ((payload ->> 'lead_id')) where kind = 'analyze_lead' and settled_at is null;
-- What ended lately: counted for people and for /metrics.
create index jobs_settled_idx on jobs (settled_at) where settled_at is not null;

-- The tenants of whom a job of this kind may be due, found by skipping through jobs_due_idx: a step for each tenant that has
-- any, whatever its backlog. A loop and not a recursive query, which distributed tables do not take. A plan is kept for as
-- long as the session, and may be made when there are no jobs: then reading or sorting all of them looks cheapest.
create function tenants_with_due_jobs(wanted text, at timestamptz) returns uuid[] language plpgsql stable
set search_path from current set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off as $$
declare
    found uuid[] := '{}';
    next record;
begin
    select j.tenant_id, j.due_at into next
    from jobs j where j.kind = wanted and j.settled_at is null
    order by j.kind, j.tenant_id, j.due_at limit 1;
    while next.tenant_id is not null loop
        if next.due_at <= at then
            found := found || next.tenant_id;
        end if;
        select j.tenant_id, j.due_at into next
        from jobs j where j.kind = wanted and j.settled_at is null and j.tenant_id > next.tenant_id
        order by j.kind, j.tenant_id, j.due_at limit 1;
    end loop;
    return found;
end $$;
