-- $1 user, $2 sealed secret, $3 how long one may take to set it up, in seconds, $4 who is shown it
-- One that is being set up stays for so long, where the same session sets it up: reloading the page shows the same secret.
-- Another one, and a later one, gets a new secret, and the old one is good for nothing: somebody else may have seen it. One
-- that is confirmed is shown to nobody.
insert into second_factors as f (user_id, secret, begun_by) values ($1, $2, $4)
on conflict (user_id) do update set
    secret = case when f.created_at > now() - $3 * interval '1 second' and f.begun_by = $4 then f.secret
                  else excluded.secret end,
    created_at = case when f.created_at > now() - $3 * interval '1 second' and f.begun_by = $4 then f.created_at
                      else now() end,
    begun_by = excluded.begun_by
where f.confirmed_at is null
returning secret
