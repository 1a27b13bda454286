-- $1 account, $2 now: until when the vendor gives out no token
select throttled_until as "until!" from oauth_tokens where account = $1 and throttled_until > $2
