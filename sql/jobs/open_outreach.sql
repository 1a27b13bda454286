-- $1 tenant, $2 lead, $3 call, $4 job, $5 now, $6 how long an outreach lasts at most, in seconds
-- One person has one outreach at a time: who finds another's open gets no row. A job that comes again finds its own.
with closed as (
    update outreaches set ended_at = $5, end_reason = 'over'
    where tenant_id = $1 and lead_id = $2 and ended_at is null and job_id <> $4
      and started_at <= $5::timestamptz - make_interval(secs => $6)
    returning id
)
insert into outreaches as o (tenant_id, lead_id, call_id, job_id, started_at)
select $1, $2, $3, $4, $5 where (select count(*) from closed) >= 0
on conflict (tenant_id, lead_id) where ended_at is null do update set call_id = o.call_id
where o.job_id = excluded.job_id
returning o.id
