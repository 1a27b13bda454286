-- $1 tenants, $2 pattern of the number
-- Texts of others that name the person's number.
select 'calls' as "place!", id as "id!"
from calls
where tenant_id = any ($1) and concat_ws(' ', transcript, transcript_turns::text, summary, analysis::text) ~ $2
union all
select 'messages', id from messages where tenant_id = any ($1) and body ~ $2
union all
select 'lead_analytics', id
from lead_analytics
where tenant_id = any ($1) and concat_ws(' ', summary, data::text) ~ $2
union all
select 'leads', id from leads where tenant_id = any ($1) and concat_ws(' ', name, name_by_hand, profile::text) ~ $2
union all
select 'lead_notes', id from lead_notes where tenant_id = any ($1) and body ~ $2
union all
select 'appointments', id from appointments where tenant_id = any ($1) and concat_ws(' ', name, purpose) ~ $2
