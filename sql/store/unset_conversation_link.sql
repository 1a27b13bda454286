-- $1 call, $2 other call
delete from conversation_links where call_id = least($1::uuid, $2) and other_id = greatest($1::uuid, $2)
