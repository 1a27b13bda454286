-- $1 number in E.164
delete from phone_numbers where number = $1
