-- $1 cause, $2 subject, $3 tenant, $4 severity, $5 summary, $6 now, $7 cool-down in seconds
-- Returns a row where people are to be told: for the first time, again because it lasts, or
-- because it has become worse.
insert into incidents as i (cause, subject, tenant_id, severity, summary, opened_at, last_seen_at, told_at)
values ($1, $2, $3, $4, $5, $6, $6, $6)
on conflict (cause, subject) where resolved_at is null do update
set last_seen_at = $6, summary = excluded.summary, severity = excluded.severity,
    told_at = case
        when i.told_at <= $6::timestamptz - make_interval(secs => $7)
          or excluded.severity = 'critical' and i.severity <> 'critical' then $6
        else i.told_at
    end
returning id, opened_at, (told_at = $6) as "tell!"
