-- $1 tenant, $2 numbers, $3 the platform's id of a call (null: none), $4 from, $5 until (null: any), $6 calls of one
-- number, $7 the oldest instead of the newest
-- The newest calls of these people, or their oldest, by calls_contact_idx, and the call of this id, by calls_key_idx; nth
-- counts the calls of one number, so that one knows whether there are more. Of the two sides only the one is run.
select id as "id!", started_at, nth as "nth!" from unnest($2::text[]) as number
cross join lateral (
    (select id, started_at, row_number() over (order by started_at desc nulls last, id) as nth
     from calls
     where not $7::boolean and tenant_id = $1 and contact_number = number
       and ($4::timestamptz is null or started_at >= $4)
       and ($5::timestamptz is null or started_at is null or started_at <= $5)
     order by started_at desc nulls last, id
     limit $6)
    union all
    (select id, started_at, row_number() over (order by started_at nulls first, id desc) as nth
     from calls
     where $7 and tenant_id = $1 and contact_number = number
       and ($4::timestamptz is null or started_at >= $4)
       and ($5::timestamptz is null or started_at is null or started_at <= $5)
     order by started_at nulls first, id desc
     limit $6)
) theirs
union all
select id, started_at, 0 from calls where provider_call_id = $3 and tenant_id = $1
