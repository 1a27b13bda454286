-- $1 kind, $2 why
insert into job_pauses (kind, reason) values ($1, $2) on conflict (kind) do update set reason = excluded.reason
