-- What the outbox looks for again and again is found without reading a backlog, or all jobs that ever were.

-- Who is in hand: what a tenant may still be given.
create index jobs_in_hand_idx on jobs (kind, tenant_id, lease_until) where settled_at is null and lease_until is not null;
-- Who else looks at the same person.
create index jobs_lead_idx on jobs ((payload ->> 'lead_id')) where kind = 'analyze_lead' and settled_at is null;
-- What ended lately: counted for people and for /metrics.
create index jobs_settled_idx on jobs (settled_at) where settled_at is not null;
