-- $1 ids of the lead, one a tenant
-- The id of a lead is a digest of the number without a key, so it goes wherever it stands. Returns what went: jobs are
-- about an outreach by its id.
delete from outreaches where lead_id = any ($1) returning id
