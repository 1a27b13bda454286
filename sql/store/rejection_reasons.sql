-- $1 tenant (null: all), $2 rows looked at, at most
-- Why requests were refused in the last day, the most frequent reason first; whose they are as in list_rejections.sql.
with looked as materialized (
    select r.provider, r.connection, r.reason, r.status, r.repeats, r.at
    from rejections r
    where r.at > now() - interval '1 day'
    order by r.at desc
    limit $2
)
select r.provider, r.connection, r.reason, r.status, sum(r.repeats)::bigint as "requests!", max(r.at) as "last_at!"
from looked r
where $1::uuid is null or exists (
    select from connections c
    where c.tenant_id = $1 and c.provider = r.provider
      and r.connection = c.slug)
group by r.provider, r.connection, r.reason, r.status
order by sum(r.repeats) desc, r.provider, r.connection, r.reason
limit 20
