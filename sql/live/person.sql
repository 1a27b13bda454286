-- $1 tenant, $2 lead, $3 number, $4 time zone, $5 now,
-- $6 weekdays, $7 opens, $8 closes, $9 holidays, $10 slot and $11 step in seconds, $12 capacity, $13 slots from,
-- $14 slots until, $15 slots of a day at most, $16 slots at most
-- All that is known of one person, and when the tenant is free, in one round trip: times are the tenant's wall clock.
-- Reads by primary key and by index only; the calls are bounded, since a switchboard may have made a million. A call that
-- is still going on, perhaps this very one, is none of the calls before.
-- What was booked under a number by somebody whom nobody vouched for comes after what its owner booked, without their
-- words; what was noted so is for people alone.
-- A call that two platforms saw counts once, and speaks with the words of whichever has some.
with seen as materialized (
    select c.id, c.started_at, c.direction::text as direction, c.answered_at is not null as answered, c.disposition::text
               as disposition,
           c.summary, c.sentiment::text as sentiment, c.agent_name, c.transcript is not null as has_words,
           conversation_of(c.id, c.tenant_id, c.provider, c.contact_number, c.our_number, c.started_at, c.ended_at)
               as conversation
    from calls c
    where c.tenant_id = $1 and c.contact_number = $3
      and (c.status = 'ended' or c.started_at < $5::timestamptz - interval '3 hours')
    order by c.started_at desc nulls last
    limit 1000
), recent as materialized (
    select distinct on (conversation) *
    from seen
    order by conversation, (summary is not null or has_words) desc, answered desc, started_at, id
), newest as materialized (
    select r.*, a.summary as own_summary, a.data as own_data, a.sentiment::text as own_sentiment
    from (select * from recent order by started_at desc nulls last limit 8) r
    left join lead_analytics a on a.call_id = r.id and a.kind = 'individual'
)
select l.id as "lead_id?", coalesce(l.name_by_hand, l.name) as "name?", coalesce(l.email_by_hand, l.email) as "email?",
       coalesce(l.stage_by_hand, l.stage)::text as "stage?", l.tags as "tags?", l.crm_link as "crm_link?",
       coalesce(l.opted_out_by_hand, l.opted_out, false) as "opted_out!",
       coalesce(l.blocked_by_hand, false) as "blocked!", l.profile::text as "profile?",
       (select count(*) from recent) as "total_calls!",
       (select jsonb_agg(jsonb_build_object(
                   'at', n.started_at at time zone $4::text, 'direction', n.direction,
                   'summary', coalesce(n.own_summary, n.summary), 'sentiment', coalesce(n.own_sentiment, n.sentiment),
                   'interests', n.own_data -> 'interests', 'complaint', n.own_data #>> '{complaint,kind}')
               order by n.started_at desc nulls last)
        from newest n)::text as "calls?",
       (select jsonb_agg(jsonb_build_object('kind', o.kind, 'body', o.body, 'author', o.author,
                   'at', o.at at time zone $4::text, 'open', o.resolved_at is null) order by o.at desc)
        from (select * from lead_notes where tenant_id = $1 and phone = $3 and not unverified
              order by at desc limit 8) o)::text as "notes?",
       (select jsonb_agg(jsonb_build_object('at', p.starts_at at time zone $4::text, 'purpose',
                   case when not p.unverified then p.purpose end)
               order by p.unverified, p.starts_at)
        from (select * from appointments where tenant_id = $1 and phone = $3 and cancelled_at is null
                and starts_at >= $5::timestamptz order by unverified, starts_at limit 5) p)::text as "appointments?",
       (select k.summary from lead_analytics k where k.tenant_id = $1 and k.phone = $3 and k.kind = 'complete')
           as "complete_summary?",
       $5::timestamptz at time zone $4::text as "now!",
       array(select s.local_at from free_slots($1, $4, $6::integer[], $7::text[]::time[], $8::text[]::time[], $9::date[],
                    make_interval(secs => $10), make_interval(secs => $11), $12, $13::timestamptz, $14::timestamptz,
                    $15, $16) s order by s.starts_at) as "slots!: Vec<chrono::NaiveDateTime>"
from (select) once
left join leads l on l.id = $2
