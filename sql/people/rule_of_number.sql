-- $1 tenant, $2 number in E.164, $3 campaign
-- Calls that have been processed keep what was found then: a replay gives the same.
update phone_numbers set campaign_id = $3
where number = $2 and tenant_id = $1 and exists (select from campaigns m where m.id = $3 and m.tenant_id = $1)
