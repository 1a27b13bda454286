-- Every transcript has its words, and no words are left of one that is gone; kept by triggers on calls.
select coalesce(c.id, w.call_id)::text as id
from calls c
full join call_words w on w.call_id = c.id
where (c.transcript is null) <> (w.call_id is null) or c.id is null
