-- $1 call, $2 tenant (null: any), $3 whether the conversion is set, $4 to what, $5 whether the campaign is set, $6 to what,
-- $7 whether the conversion must still be, $8 this
update calls
set converted_by_hand = case when $3 then $4 else converted_by_hand end,
    campaign_id_by_hand = case when $5 then $6 else campaign_id_by_hand end
where id = $1 and ($2::uuid is null or tenant_id = $2)
  and ($6::uuid is null or exists (select from campaigns m where m.id = $6 and m.tenant_id = calls.tenant_id))
  and (not $7::boolean or converted_by_hand is not distinct from $8)
returning tenant_id
