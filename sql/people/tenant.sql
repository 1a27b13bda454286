-- $1 slug, $2 the one tenant that is theirs (null: all)
select id, slug, name, time_zone from tenants where slug = $1 and ($2::uuid is null or id = $2)
