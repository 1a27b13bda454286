-- $1 user, $2 codes that may be wrong in a day
-- Counted as wrong before it is looked at, so that codes at the same moment cannot pass together; a right one is taken
-- back. The day begins with its first wrong code. Returns how long no code is looked at, in seconds (null: this one is).
with counted as (
    update second_factors set
        wrong_codes = case when wrong_since > now() - interval '1 day' then wrong_codes + 1 else 1 end,
        wrong_since = case when wrong_since > now() - interval '1 day' then wrong_since else now() end
    where user_id = $1 and (wrong_codes < $2 or wrong_since is null or wrong_since <= now() - interval '1 day')
    returning user_id
)
select case when not exists (select from counted)
       then greatest(1, ceil(extract(epoch from f.wrong_since + interval '1 day' - now())))::bigint end as wait_seconds
from second_factors f
where f.user_id = $1
