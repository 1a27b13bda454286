-- $1 user, $2 who was shown the one that is being set up (null: the one that is confirmed), $3 how long one may take to set it
-- up, in seconds
select secret from second_factors
where user_id = $1 and (confirmed_at is not null) = ($2::bytea is null)
  and ($2 is null or begun_by = $2 and created_at > now() - $3 * interval '1 second')
