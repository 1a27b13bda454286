-- $1 number in E.164, $2 tenant, $3 campaign, $4 label
-- A number has one owner: nothing is changed where it has one already.
insert into phone_numbers (number, tenant_id, campaign_id, label) values ($1, $2, $3, $4)
on conflict (number) do nothing
