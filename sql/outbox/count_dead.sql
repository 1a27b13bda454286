-- $1 kind, $2 what they died of, $3 tenant (null: any)
-- How many dead jobs there are, and the last of them by id.
with dead as materialized (
    select id from jobs
    where outcome = 'dead'
      and ($1::text is null or kind = $1)
      and ($2::text is null or coalesce(last_error, '') = $2)
      and ($3::uuid is null or tenant_id = $3)
)
select (select count(*) from dead) as "rows!", (select id from dead order by id desc limit 1) as last_id
