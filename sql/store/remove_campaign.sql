-- $1 campaign, $2 tenant
-- Only one that no call belongs to and nothing leads to. It looks through the tenant's calls, which nobody does often.
delete from campaigns c
where c.id = $1 and c.tenant_id = $2
  and not exists (select from phone_numbers n where n.campaign_id = $1)
  and not exists (select from agents a where a.campaign_id = $1)
  and not exists (
      select from calls k where k.tenant_id = $2 and (k.campaign_id_by_hand = $1 or k.campaign_id = $1))
