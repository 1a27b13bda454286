-- $1 campaign, $2 tenant (null: any)
-- Only one that no call belongs to and nothing leads to. It looks through the tenant's calls, which nobody does often.
delete from campaigns c
where c.id = $1 and ($2::uuid is null or c.tenant_id = $2)
  and not exists (select from phone_numbers n where n.campaign_id = $1)
  and not exists (select from agents a where a.campaign_id = $1)
  and not exists (
      select from calls k where k.tenant_id = c.tenant_id and (k.campaign_id_by_hand = $1 or k.campaign_id = $1))
returning c.tenant_id
