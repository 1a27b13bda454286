-- $1 tenant, $2 the last lead of the page before (null: the first page), $3 rows
-- Keyset pages by phone, which the cursor does not say: who may see masks only could read it there; the counts of each lead come from calls_contact_idx.
select id as "id!", phone as "phone!", name, email, stage::text as "stage!", source, first_seen_at, calls as "calls!",
       missed as "missed!", last_call_at, opted_out as "opted_out!"
from lead_facts
where tenant_id = $1 and ($2::uuid is null or phone > (select phone from leads where id = $2 and tenant_id = $1))
order by phone
limit $3
