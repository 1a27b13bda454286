-- $1 tenant, $2 platform (null: any)
-- Whether a source in use is shared with another tenant: then the called number or the agent says whose a call is.
select exists (select from connections c
               where c.tenant_id is null and c.disabled_at is null and c.provider <> 'switchhook'
                 and ($2::text is null or c.provider = $2))
   and exists (select from tenants t where t.id <> $1) as "shares!"
