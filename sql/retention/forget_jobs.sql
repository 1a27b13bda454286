-- $1 ids, $2 pattern of the number, $3 ids of the lead, as text
-- What is not done is not done any more. The key stays, so that nothing is done twice, unless it says who it was: the
-- id of a lead is a digest of the number without a key, so it can be found by trying.
update jobs set
    payload = '{}', last_error = null, note = null, preview = null, lease_until = null, sending_at = null,
    key = case
        when key ~ $2 or exists (select from unnest($3::text[]) as lead (id) where strpos(jobs.key, lead.id) > 0)
        then 'forgotten:' || id
        else key
    end,
    settled_at = coalesce(settled_at, now()), outcome = coalesce(outcome, 'cancelled')
where id = any ($1)
