-- Every transcript has its words, unless they are due, and no words are left of one that is gone.
select coalesce(c.id, w.call_id)::text as id
from calls c
full join call_words w on w.call_id = c.id
where ((c.transcript is null) <> (w.call_id is null) or c.id is null)
  and not exists (select from call_words_due d where d.call_id = coalesce(c.id, w.call_id))
