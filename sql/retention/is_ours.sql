-- $1 number
select exists (select from phone_numbers where number = $1) as "is_ours!"
