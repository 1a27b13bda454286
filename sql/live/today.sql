-- $1 now, $2 time zone
select ($1::timestamptz at time zone $2::text)::date as "day!"
