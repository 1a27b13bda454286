-- $1 lead
select exists (select from leads where id = $1) as "is_lead!"
