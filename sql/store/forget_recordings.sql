-- $1 calls, $2 recordings
delete from recordings where call_id = any ($1) or id = any ($2)
