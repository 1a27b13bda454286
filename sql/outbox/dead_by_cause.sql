-- $1 tenant (null: all), $2 among so many of the newest
-- Dead jobs by what they died of, the most frequent cause first.
select j.kind, j.last_error as "last_error!", count(*) as "rows!", min(j.settled_at) as oldest_at,
       max(j.settled_at) as newest_at
from (
    select kind, coalesce(last_error, '') as last_error, settled_at
    from jobs
    where outcome = 'dead' and ($1::uuid is null or tenant_id = $1)
    order by id desc
    limit $2
) j
group by j.kind, j.last_error
order by count(*) desc, j.kind, j.last_error
limit 50
