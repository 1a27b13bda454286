-- $1 user, $2 sealed secret
-- One that is being set up stays: reloading the page shows the same secret. One that is confirmed is shown to nobody.
insert into second_factors as f (user_id, secret) values ($1, $2)
on conflict (user_id) do update set secret = f.secret where f.confirmed_at is null
returning secret
