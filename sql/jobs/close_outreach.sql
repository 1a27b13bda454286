-- $1 outreach, $2 now, $3 why
update outreaches set ended_at = $2, end_reason = $3 where id = $1 and ended_at is null
