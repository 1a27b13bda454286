-- $1 call, $2 tenant (null: any), $3 body, $4 who
-- The author stands by name, so that a note is read without looking anybody up. Without a number there is nobody whose
-- note it would be: then there is a call, and no id.
with c as (
    select tenant_id, contact_number, provider_call_id from calls
    where id = $1 and ($2::uuid is null or tenant_id = $2)
), added as (
    insert into lead_notes (id, tenant_id, phone, kind, body, author, call_ref, at)
    select uuid_v7(), c.tenant_id, c.contact_number, 'note', $3,
           coalesce((select login from users where 'user ' || id = $4),
                    (select 'token ' || label from api_tokens where 'token ' || id = $4)),
           c.provider_call_id, now()
    from c
    where c.contact_number is not null
    returning id
)
select added.id as "id?" from c left join added on true
