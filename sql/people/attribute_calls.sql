-- $1 calls, $2 tenant (null: any), $3 campaign (null: none by hand), $4 line of the operator log, $5 calls that
-- were there then (null: all)
-- In the order of ids, as the processors write, so that nobody deadlocks. What was before is kept, for
-- undoing; a call that has it already is passed over, so that one who asks again for the rest gets further.
with chosen as materialized (
    select id, campaign_id_by_hand from calls
    where id = any ($1) and ($2::uuid is null or tenant_id = $2) and campaign_id_by_hand is distinct from $3
      and ($3::uuid is null or exists (select from campaigns m where m.id = $3 and m.tenant_id = calls.tenant_id))
      and ($5::timestamptz is null or created_at <= $5)
    order by id
    for update
), kept as (
    insert into attributions (log_id, call_id, before_id, after_id)
    select $4, id, campaign_id_by_hand, $3 from chosen
)
update calls c set campaign_id_by_hand = $3 from chosen where c.id = chosen.id
