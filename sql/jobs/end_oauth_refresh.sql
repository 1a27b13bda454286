-- $1 account, $2 until when the vendor gives out none, if it said so
update oauth_tokens set refreshing_until = null, throttled_until = $2 where account = $1
