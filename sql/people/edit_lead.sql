-- $1 lead, $2 tenant (null: any); of name, email, stage, do-not-contact and tags each: whether it is set, and to what
update leads
set name_by_hand = case when $3 then $4 else name_by_hand end,
    email_by_hand = case when $5 then $6 else email_by_hand end,
    stage_by_hand = case when $7 then $8::text::lead_stage else stage_by_hand end,
    opted_out_by_hand = case when $9 then $10 else opted_out_by_hand end,
    tags = case when $11 then coalesce($12::text[], '{}'::text[]) else tags end
where id = $1 and ($2::uuid is null or tenant_id = $2)
returning tenant_id
