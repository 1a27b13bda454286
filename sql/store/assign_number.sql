-- $1 number in E.164, $2 tenant (null: any), $3 whether the campaign is set, $4 campaign (null: none), $5 and $6 the same
-- for the label, $7 and $8 for the sender
-- A campaign is one of the tenant whose number it is.
update phone_numbers n set
    campaign_id = case when $3 then $4 else n.campaign_id end,
    label = case when $5 then $6 else n.label end,
    sender = case when $7 then $8 else n.sender end
where n.number = $1 and ($2::uuid is null or n.tenant_id = $2)
  and ($4::uuid is null or exists (select from campaigns c where c.id = $4 and c.tenant_id = n.tenant_id))
returning n.tenant_id
