-- $1 calls, $2 tenant (null: any), $3 campaign (null: none by hand)
-- In the order of ids, as the processors write, so that nobody deadlocks.
with chosen as materialized (
    select id from calls
    where id = any ($1) and ($2::uuid is null or tenant_id = $2)
      and ($3::uuid is null or exists (select from campaigns m where m.id = $3 and m.tenant_id = calls.tenant_id))
    order by id
    for update
)
update calls c set campaign_id_by_hand = $3 from chosen where c.id = chosen.id
