-- $1 provider
-- The first of default, default-2, default-3 and so on that no connection of the platform has.
select case when n = 1 then 'default' else 'default-' || n end as "slug!"
from generate_series(1, 1 + (select count(*) from connections where provider = $1)) n
where not exists (
    select from connections
    where provider = $1 and slug = case when n = 1 then 'default' else 'default-' || n end)
order by n
limit 1
