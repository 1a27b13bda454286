-- $1 now, $2 longest lag in seconds, $3 refused signatures in ten minutes, $4 shortest silence in hours, $5 the reason of
-- jobs that wait for tomorrow's budget, $6 lost calls of one reconciliation, $7 failed sign-ins for one login,
-- $8 wrong codes of one user in a day
-- Everything that is wrong right now: cause, subject, tenant, severity, and a line without personal data.
select 'dead_events' as "cause!", e.provider as "subject!", null::uuid as "tenant_id?", 'critical' as "severity!",
       format('%s events of %s failed for good; the last: %s', count(*), e.provider,
              (array_agg(left(e.last_error, 200) order by e.id desc))[1]) as "summary!"
from webhook_events e
where e.last_error is not null and e.outcome = 'dead'
group by e.provider
union all
select 'dead_jobs', format('%s of %s', j.kind, j.tenant_id), j.tenant_id, 'critical',
       format('%s jobs of kind %s failed for good; the last: %s', count(*), j.kind,
              (array_agg(left(j.last_error, 200) order by j.id desc))[1])
from jobs j
where j.outcome = 'dead' and j.settled_at > $1::timestamptz - interval '7 days'
group by j.kind, j.tenant_id
union all
select 'lag', 'events', null, 'critical',
       format('events wait for %s seconds; %s are pending', round(extract(epoch from $1 - q.oldest)), q.pending)
from (select count(*) as pending, min(next_attempt_at) as oldest from event_queue) q
where q.oldest < $1::timestamptz - make_interval(secs => $2)
union all
select 'lag', 'jobs', null, 'warning',
       format('%s jobs are due and not done, the oldest for %s seconds', count(*),
              round(extract(epoch from $1 - min(j.due_at))))
from jobs j
where j.settled_at is null and j.due_at < $1::timestamptz - make_interval(secs => $2)
  and not exists (select from job_pauses p where p.kind = j.kind)
having count(*) > 0
union all
select 'refused_senders', r.provider || '/' || coalesce(r.connection, ''), null, 'warning',
       format('%s requests to %s/%s were not verified in ten minutes: is the secret right? When it is, '
              '`switchhook rejections reverify` stores what was kept', sum(r.repeats), r.provider,
              coalesce(r.connection, ''))
from rejections r
where r.at > $1::timestamptz - interval '10 minutes' and r.status = 401 and r.provider is not null
group by r.provider, r.connection
having sum(r.repeats) >= $3::bigint
union all
select 'vendor_refuses', format('%s of %s', j.kind, j.tenant_id), j.tenant_id, 'critical',
       format('%s jobs of kind %s wait for a person: %s', count(*), j.kind, max(left(j.last_error, 200)))
from jobs j
where j.settled_at is null and j.needs_person
group by j.kind, j.tenant_id
union all
select 'budget', j.tenant_id::text, j.tenant_id, 'warning',
       format('%s analyses wait: %s', count(*), $5::text)
from jobs j
where j.settled_at is null and j.kind in ('analyze_call', 'analyze_lead') and j.last_error = $5
group by j.tenant_id
union all
select 'silence', c.id::text, c.tenant_id, 'critical',
       format('%s has sent nothing for %s hours; its longest silence in three weeks was %s hours', c.provider,
              round(extract(epoch from $1 - h.last) / 3600), round(extract(epoch from h.longest) / 3600))
from connections c
cross join lateral (
    select max(hour) as last, max(gap) as longest, count(*) as hours
    from (select hour, hour - lag(hour) over (order by hour) as gap
          from connection_hours where connection_id = c.id) gaps
) h
where c.disabled_at is null and h.hours >= 24
  and $1::timestamptz - h.last > greatest(2 * h.longest, make_interval(hours => $4)) + interval '1 hour'
union all
select 'crm_differs', l.tenant_id::text, l.tenant_id, 'warning',
       format('%s leads differ from the CRM and somebody must decide (%s): switchhook crm differing', count(*),
              (select string_agg(distinct word, ', ' order by word)
               from crm_links d, unnest(d.differs) word where d.tenant_id = l.tenant_id and d.differs <> '{}'))
from crm_links l
where l.differs <> '{}'
group by l.tenant_id
union all
select 'reconcile_fails', r.connection_id::text, r.tenant_id, 'warning',
       format('the last three reconciliations of %s failed; the last: %s', r.provider, r.errors[1])
from (
    select latest.connection_id, (array_agg(latest.tenant_id))[1] as tenant_id, min(latest.provider) as provider,
           array_agg(left(latest.error, 200) order by latest.id desc) filter (where latest.error is not null) as errors
    from connections c
    cross join lateral (
        select id, connection_id, tenant_id, provider, error from reconciliations
        where connection_id = c.id and scheduled and finished_at > $1::timestamptz - interval '7 days'
        order by id desc limit 3
    ) latest
    where c.disabled_at is null
    group by latest.connection_id
) r
where cardinality(r.errors) = 3
union all
select 'webhooks_lost', r.connection_id::text, r.tenant_id, 'warning',
       format('%s calls of %s had come with no webhook, and were fetched: does the platform still send here?', r.inserted,
              r.provider)
from connections c
cross join lateral (
    select connection_id, tenant_id, provider, inserted from reconciliations
    where connection_id = c.id and scheduled and finished_at > $1::timestamptz - interval '1 day'
    order by id desc limit 1
) r
where c.disabled_at is null and r.inserted >= $6::bigint
union all
select 'live_lookups', c.id::text, c.tenant_id, 'critical',
       format('%s asked about %s numbers in a minute, %s of them new; %s questions were answered as if nobody were known '
              '(live.lookups): who else has its URL or secret?', c.provider, m.numbers, m.new_numbers, m.held_back)
from (select connection_id, max(numbers) as numbers, max(new_numbers) as new_numbers, sum(held_back) as held_back
      from live_lookups where minute > $1::timestamptz - interval '10 minutes' group by connection_id) m
join connections c on c.id = m.connection_id
where m.held_back > 0
union all
select 'slow_live_answers', m.endpoint, null, 'critical',
       format('%s of %s answers to "%s" in five minutes took too long, %s were given without the database; slow_answers '
              'says where the time went', sum(m.slow), sum(m.answers), m.endpoint, sum(m.fallbacks))
from live_minutes m
where m.minute > $1::timestamptz - interval '5 minutes'
group by m.endpoint
-- Fallbacks count as well: they are in time, and say nothing of the caller.
having 100 * sum(greatest(m.slow, m.fallbacks)) > sum(m.answers)
union all
-- A login that is guessed at from many places: no place is slowed for it, so a person must know.
select 'guessed_login', a.user_id::text, u.tenant_id, 'warning',
       format('%s failed sign-ins for user %s within a quarter of an hour, from places that they do not know', a.failures,
              a.user_id)
from sign_in_attempts a
join users u on u.id = a.user_id
where a.failures >= $7::bigint and a.last_at > $1::timestamptz - interval '15 minutes'
union all
-- Whoever tries codes knows the password.
select 'guessed_code', f.user_id::text, u.tenant_id, 'critical',
       format('%s wrong codes for user %s within a day, from browsers that they have not signed in with: somebody knows '
              'their password; codes of such browsers are refused for the rest of the day', f.wrong_codes, f.user_id)
from second_factors f
join users u on u.id = f.user_id
where f.wrong_codes >= $8::integer and f.wrong_since > $1::timestamptz - interval '1 day'
union all
select 'unused_secret', c.id::text, c.tenant_id, 'warning',
       format('the newest %s of %s/%s has never verified anything; the one that %s %s%s: is the new one at '
              'the platform?',
              case u.usage when 'secret' then 'secret' when 'live' then 'live token' else 'secret URL' end, c.provider,
              c.slug, case when u.has_ended then 'worked ended' else 'works ends' end, to_char(u.expires_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI "UTC"'),
              case when u.has_ended then ', and what it verified is refused'
                   when u.ends_unreplaced then ', whether the new one works or not'
                   else ', or is kept beyond that until the new one works' end)
from unfinished_rotations u
join connections c on c.id = u.source_id
where c.disabled_at is null and u.created_at < $1::timestamptz - interval '1 hour'
