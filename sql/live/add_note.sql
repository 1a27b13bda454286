-- $1 id, $2 tenant, $3 number, $4 kind, $5 body, $6 author, $7 call, $8 wanted at (the tenant's clock), $9 event, $10 now,
-- $11 whether nobody vouches for the number
insert into lead_notes (id, tenant_id, phone, kind, body, author, call_ref, wanted_at, event_id, at, unverified)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
on conflict (id) do nothing
