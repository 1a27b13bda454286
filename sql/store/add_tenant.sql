-- $1 slug, $2 name, $3 region
insert into tenants (slug, name, region) values ($1, $2, $3) returning id
