-- $1 ids of the lead, one a tenant
-- The record in the CRM is not ours to delete; from here on it is neither asked for nor told anything.
with queued as (delete from crm_queue where lead_id = any ($1))
delete from crm_links where lead_id = any ($1)
