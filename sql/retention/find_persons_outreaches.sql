-- $1 ids of the lead, one a tenant
select id from outreaches where lead_id = any ($1)
