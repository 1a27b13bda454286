-- Whose a line of the operator log is, where an actor who sees all tenants changed or saw something of one.

create function operator_log_tenant(details jsonb) returns uuid
language sql stable
return (
    select tenant_id
    from jsonb_each_text(details) as named (key, value)
    -- What is no id names nothing, and must not end the change that is logged.
    cross join lateral (
        select case when value ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then value::uuid end as id
    ) as found
    cross join lateral (
        select case key
            when 'call_id' then (select c.tenant_id from calls c where c.id = found.id)
            when 'lead_id' then (select l.tenant_id from leads l where l.id = found.id)
            when 'event_id' then coalesce((select e.tenant_id from webhook_events e where e.id = found.id),
                                          (select j.tenant_id from jobs j where j.id = found.id))
            when 'campaign_id' then (select m.tenant_id from campaigns m where m.id = found.id)
            when 'connection_id' then (select s.tenant_id from connections s where s.id = found.id)
            when 'token_id' then (select t.tenant_id from api_tokens t where t.id = found.id)
            when 'user_id' then (select u.tenant_id from users u where u.id = found.id)
        end as tenant_id
    ) as owner
    where tenant_id is not null
    limit 1
);
comment on function operator_log_tenant is 'the tenant of what the details of a line name by id; null: nobody''s, or several tenants'', or gone';
