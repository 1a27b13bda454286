-- What is known of a person's record in the CRM goes with the person.
select c.lead_id::text as id
from crm_links c
left join leads l on l.id = c.lead_id
where l.id is null
