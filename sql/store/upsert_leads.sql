-- $1.. one array a column, in the order of the insert; one row a lead, sorted by id so that workers cannot deadlock
-- The merge is LeadRow::fold (src/domain/lead.rs).
-- Leads of tenants with a CRM are queued: whether there is anything to tell it is looked at later. Where nobody has
-- one, that is a join with an empty table. What is queued already is locked, so that it is not taken off before this
-- transaction ends.
with queued as (
    insert into crm_queue as q (lead_id, tenant_id)
    select t.id, t.tenant_id from unnest($1::uuid[], $2::uuid[]) as t (id, tenant_id)
    join crm_tenants c on c.tenant_id = t.tenant_id
    order by t.id
    on conflict (lead_id) do update set tenant_id = q.tenant_id
)
insert into leads as l
    (id, tenant_id, phone, first_seen_at, name, name_rank, email, email_rank, source, source_rank, stage, profile,
     profile_rank, opted_out, opted_out_rank)
select id, tenant_id, phone, first_seen_at, name, name_rank, email, email_rank, source, source_rank,
       coalesce(stage, 'new')::lead_stage, profile::jsonb, profile_rank, opted_out, opted_out_rank
from unnest($1::uuid[], $2::uuid[], $3::text[], $4::timestamptz[], $5::text[], $6::text[], $7::text[], $8::text[],
            $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::boolean[], $15::text[])
    as t (id, tenant_id, phone, first_seen_at, name, name_rank, email, email_rank, source, source_rank, stage, profile,
          profile_rank, opted_out, opted_out_rank)
on conflict (id) do update set
    first_seen_at = least(l.first_seen_at, excluded.first_seen_at),
    name = case when excluded.name_rank > coalesce(l.name_rank, '') then excluded.name else l.name end,
    name_rank = greatest(l.name_rank, excluded.name_rank),
    email = case when excluded.email_rank > coalesce(l.email_rank, '') then excluded.email else l.email end,
    email_rank = greatest(l.email_rank, excluded.email_rank),
    source = case when excluded.source_rank < l.source_rank then excluded.source else l.source end,
    source_rank = least(l.source_rank, excluded.source_rank),
    stage = greatest(l.stage, excluded.stage),
    profile = case when excluded.profile_rank > coalesce(l.profile_rank, '') then excluded.profile else l.profile end,
    profile_rank = greatest(l.profile_rank, excluded.profile_rank),
    opted_out = case when excluded.opted_out_rank > coalesce(l.opted_out_rank, '') then excluded.opted_out
                     else l.opted_out end,
    opted_out_rank = greatest(l.opted_out_rank, excluded.opted_out_rank)
where (l.first_seen_at is null and excluded.first_seen_at is not null)
   or excluded.first_seen_at < l.first_seen_at
   or excluded.name_rank > coalesce(l.name_rank, '')
   or excluded.email_rank > coalesce(l.email_rank, '')
   or excluded.source_rank < l.source_rank
   or excluded.stage > l.stage
   or excluded.profile_rank > coalesce(l.profile_rank, '')
   or excluded.opted_out_rank > coalesce(l.opted_out_rank, '')
