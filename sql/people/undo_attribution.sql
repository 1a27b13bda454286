-- $1 line of the operator log, $2 tenant (null: any), $3 calls at once
-- Puts back what was before, where nobody has decided anew since: by another attribution, or for the one call. Either way
-- the row is done with. In the order of ids, as the processors write.
with chosen as materialized (
    select c.id, a.before_id, a.after_id
    from attributions a
    join calls c on c.id = a.call_id
    where a.log_id = $1 and ($2::uuid is null or c.tenant_id = $2)
    order by a.call_id
    limit $3
    for update of c
), done as (
    delete from attributions a using chosen where a.log_id = $1 and a.call_id = chosen.id
), undone as (
    update calls c set campaign_id_by_hand = chosen.before_id
    from chosen
    where c.id = chosen.id and c.campaign_id_by_hand is not distinct from chosen.after_id
      and not exists (select from attributions later where later.call_id = c.id and later.log_id > $1)
    returning c.id
)
select (select count(*) from chosen) as "looked_at!", (select count(*) from undone) as "changed!"
