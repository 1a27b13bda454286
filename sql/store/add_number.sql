-- $1 number in E.164, $2 tenant, $3 campaign, $4 label, $5 sender
-- A number has one owner: nothing is changed where it has one already.
insert into phone_numbers (number, tenant_id, campaign_id, label, sender) values ($1, $2, $3, $4, $5)
on conflict (number) do nothing
