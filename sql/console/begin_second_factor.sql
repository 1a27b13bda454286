-- $1 user, $2 sealed secret, $3 how long one may take to set it up, in seconds
-- One that is being set up stays for so long: reloading the page shows the same secret. Later a secret that somebody has
-- seen is good for nothing. One that is confirmed is shown to nobody.
insert into second_factors as f (user_id, secret) values ($1, $2)
on conflict (user_id) do update set
    secret = case when f.created_at > now() - $3 * interval '1 second' then f.secret else excluded.secret end,
    created_at = case when f.created_at > now() - $3 * interval '1 second' then f.created_at else now() end
where f.confirmed_at is null
returning secret
