-- $1 call, $2 tenant (null: any), $3 body, $4 who
-- The author stands by name, so that a note is read without looking anybody up.
insert into lead_notes (id, tenant_id, phone, kind, body, author, call_ref, at)
select uuid_v7(), c.tenant_id, c.contact_number, 'note', $3,
       coalesce((select login from users where 'user ' || id = $4),
                (select 'token ' || label from api_tokens where 'token ' || id = $4)),
       c.provider_call_id, now()
from calls c
where c.id = $1 and ($2::uuid is null or c.tenant_id = $2) and c.contact_number is not null
