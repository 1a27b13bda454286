-- $1 outreach, $2 tenant, $3 lead, $4 call, $5 job, $6 when it began
-- It was opened before its message was sent, by a server that may be another one by now. Of somebody who was erased meanwhile
-- nothing is left, and nothing comes back.
insert into outreaches (id, tenant_id, lead_id, call_id, job_id, started_at)
select $1, $2, $3, $4, $5, $6 where exists (select from leads where id = $3)
on conflict do nothing
