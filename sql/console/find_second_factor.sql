-- $1 user, $2 whether it is confirmed, $3 how long one may take to set it up, in seconds
select secret from second_factors
where user_id = $1 and (confirmed_at is not null) = $2
  and ($2 or created_at > now() - $3 * interval '1 second')
