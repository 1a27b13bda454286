-- $1 number in E.164, $2 tenant, $3 campaign (null: none), $4 label, $5 sender
update phone_numbers set campaign_id = $3, label = $4, sender = $5 where number = $1 and tenant_id = $2
