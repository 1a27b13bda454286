-- $1 account
select token as "token?" from oauth_tokens where account = $1
