-- $1 lead, $2 time zone, $3 rows: the newest individual analyses of this person that we made ourselves, oldest first
select * from (
    select a.call_id as "call_id!", c.direction::text, a.score, a.data::text as "data!", c.started_at as "at?",
           to_char(c.started_at at time zone $2, 'YYYY-MM-DD"T"HH24:MI') as "at_local?",
           l.phone as "phone!", count(*) over () as "interactions!", avg(a.score) over () as "average_score?"
    from leads l
    join lead_analytics a on a.tenant_id = l.tenant_id and a.phone = l.phone and a.kind = 'individual'
    join calls c on c.id = a.call_id
    where l.id = $1 and a.source = 'openai' and a.data is not null
    order by c.started_at desc nulls last, a.call_id desc
    limit $3
) newest
order by 5 nulls first, 1
