-- $1 number in E.164
select tenant_id from phone_numbers where number = $1
