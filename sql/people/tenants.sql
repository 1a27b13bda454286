-- $1 the one tenant that is theirs (null: all), $2 rows
select id, slug, name, time_zone from tenants where $1::uuid is null or id = $1 order by slug limit $2
