-- $1 provider, $2 the platform's agent id, $3 tenant (null: any), $4 whether the campaign is set, $5 campaign (null: none),
-- $6 and $7 the same for the name
-- A campaign is one of the tenant whose agent it is.
update agents a set
    campaign_id = case when $4 then $5 else a.campaign_id end,
    name = case when $6 then $7 else a.name end
where a.provider = $1 and a.provider_agent_id = $2 and ($3::uuid is null or a.tenant_id = $3)
  and ($5::uuid is null or exists (select from campaigns c where c.id = $5 and c.tenant_id = a.tenant_id))
returning a.tenant_id
