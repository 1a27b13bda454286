-- $1 tenant, $2 from, $3 until, $4 calls to look at, $5 missed calls to look at, $6 seconds after which it is none
-- How long it took until a missed caller was called or written to: for the newest missed calls among the newest of the
-- window, each by calls_contact_idx and messages_contact_idx.
with missed as materialized (
    select contact_number, started_at
    from (
        select contact_number, started_at, is_missed from call_items
        where tenant_id = $1 and started_at >= $2 and started_at < $3
        order by started_at desc nulls last, id
        limit $4
    ) newest
    where is_missed and contact_number is not null
    limit $5
), answered as (
    select extract(epoch from least(called.at, written.at) - m.started_at) / 60 as minutes
    from missed m
    left join lateral (
        select c.started_at as at from calls c
        where c.tenant_id = $1 and c.contact_number = m.contact_number and c.direction = 'outbound'
          and c.started_at > m.started_at and c.started_at < m.started_at + $6::double precision * interval '1 second'
        order by c.started_at
        limit 1
    ) called on true
    left join lateral (
        select min(w.sent_at) as at from messages w
        where w.tenant_id = $1 and w.contact_number = m.contact_number and w.direction = 'outbound'
          and w.sent_at > m.started_at and w.sent_at < m.started_at + $6::double precision * interval '1 second'
    ) written on true
)
select count(*) as "missed!", count(minutes) as "answered!",
       percentile_cont(0.5) within group (order by minutes)::double precision as median_minutes
from answered
