-- $1 kind, $2 what they died of, $3 tenant (null: any), $4 ids after this one, $5 up to this one, $6 rows at most
-- The next dead jobs in the order of their ids.
select id from jobs
where outcome = 'dead' and id > $4 and id <= $5
  and ($1::text is null or kind = $1)
  and ($2::text is null or coalesce(last_error, '') = $2)
  and ($3::uuid is null or tenant_id = $3)
order by id
limit $6
