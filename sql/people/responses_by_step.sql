-- $1 tenant, $2 beginnings of steps, $3 their ends, $4 calls of a step to look at, $5 missed calls of a step to look at,
-- $6 seconds after which it is none
-- sql/people/responses.sql for each step: so many of its newest calls, along calls_recent_idx, and its missed ones each by
-- calls_contact_idx and messages_contact_idx. Steps are few and each is bounded, so all of it is. One row a step with
-- missed calls.
select s.nth as "nth!", r.missed as "missed!", r.answered as "answered!", r.median_minutes
from unnest($2::timestamptz[], $3::timestamptz[]) with ordinality as s (from_at, until_at, nth)
cross join lateral (
    select count(*) as missed, count(minutes) as answered,
           percentile_cont(0.5) within group (order by minutes)::double precision as median_minutes
    from (
        select extract(epoch from least(called.at, written.at) - m.started_at) / 60 as minutes
        from (
            select newest.contact_number, newest.started_at
            from (
                select i.contact_number, i.started_at, i.is_missed from call_items i
                where i.tenant_id = $1 and i.started_at >= s.from_at and i.started_at < s.until_at
                order by i.started_at desc nulls last, i.id
                limit $4
            ) newest
            where newest.is_missed and newest.contact_number is not null
            limit $5
        ) m
        left join lateral (
            select c.started_at as at from calls c
            where c.tenant_id = $1 and c.contact_number = m.contact_number and c.direction = 'outbound'
              and c.started_at > m.started_at
              and c.started_at < m.started_at + $6::double precision * interval '1 second'
            order by c.started_at
            limit 1
        ) called on true
        left join lateral (
            select min(w.sent_at) as at from messages w
            where w.tenant_id = $1 and w.contact_number = m.contact_number and w.direction = 'outbound'
              and w.sent_at > m.started_at and w.sent_at < m.started_at + $6::double precision * interval '1 second'
        ) written on true
    ) answers
) r
where r.missed > 0
order by s.nth
