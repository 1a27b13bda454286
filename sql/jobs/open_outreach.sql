-- $1 tenant, $2 lead, $3 call, $4 job, $5 now, $6 how long an outreach lasts at most, in seconds
-- One person has one outreach at a time: who finds another's open gets no row. A job that comes again finds its own.
-- One whose first message was certainly never sent, because its job ended without, stands in nobody's way.
with closed as (
    update outreaches o set ended_at = $5, end_reason = case when j.id is null then 'over' else 'not sent' end
    from (select 1) one
    left join lateral (
        select jobs.id from outreaches open join jobs on jobs.id = open.job_id
        where open.tenant_id = $1 and open.lead_id = $2 and open.ended_at is null
          and jobs.outcome <> 'done' and jobs.unknown_outcomes = 0
    ) j on true
    where o.tenant_id = $1 and o.lead_id = $2 and o.ended_at is null and o.job_id <> $4
      and (j.id is not null or o.started_at <= $5::timestamptz - make_interval(secs => $6))
    returning o.id
)
insert into outreaches as o (tenant_id, lead_id, call_id, job_id, started_at)
select $1, $2, $3, $4, $5 where (select count(*) from closed) >= 0
on conflict (tenant_id, lead_id) where ended_at is null do update set call_id = o.call_id
where o.job_id = excluded.job_id
returning o.id
