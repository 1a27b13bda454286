-- $1 lead, $2 tenant: the lead as the CRM is told of it, and what is known of its record there
select c.phone as "phone!", c.name as "name?", c.name_is_by_hand as "name_is_by_hand!", c.email as "email?",
       c.email_is_by_hand as "email_is_by_hand!", c.stage::text as "stage!", c.stage_is_by_hand as "stage_is_by_hand!",
       c.score as "score?", c.last_call_at as "last_call_at?", c.digest as "digest!",
       coalesce(l.pushes, 0) as "pushes!", l.module as "module?", l.record_id as "record_id?",
       coalesce(l.pushed, '{}')::text as "pushed!", l.linked_at as "linked_at?", l.looked_at as "looked_at?"
from crm_cards c
left join crm_links l on l.lead_id = c.lead_id
where c.lead_id = $1 and c.tenant_id = $2
