-- $1 lead
update leads set stage = 'contacted' where id = $1 and stage < 'contacted'
