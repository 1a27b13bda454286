-- $1 tenant, $2 subject, $3 day, $4 how much, $5 the most in a day
-- One statement, so that two who ask at once cannot both have the last of it.
insert into allowances as a (tenant_id, subject, day, used)
select $1, $2, $3, $4::float8::numeric where $4::float8 <= $5::float8
on conflict (tenant_id, subject, day) do update set used = a.used + excluded.used
where a.used + excluded.used <= $5::float8::numeric
