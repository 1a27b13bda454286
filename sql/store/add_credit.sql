-- $1 tenant, $2 amount as text, $3 currency, $4 note, $5 who
insert into credits (tenant_id, amount, currency, note, added_by) values ($1, $2::text::numeric, $3, $4, $5) returning id
