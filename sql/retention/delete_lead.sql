-- $1 ids of the lead, one a tenant
-- What was set by hand goes with it.
delete from leads where id = any ($1)
