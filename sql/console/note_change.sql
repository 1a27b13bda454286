-- $1 the token or the user that has changed something
-- By the clock and not by the transaction's time: everything that was committed until now is older.
with of_token as (update api_tokens set last_change_at = clock_timestamp() where id = $1)
update users set last_change_at = clock_timestamp() where id = $1
