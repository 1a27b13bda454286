-- $1 lead, $2 tenant, $3 module, $4 record, $5 what both sides agree upon, $6 what differs, $7 now,
-- $8 the digest of what was told (null: nothing was told), $9 when the lead had been looked at last, as the job saw it
-- Who told something has the last word; who only looked, and was overtaken, writes nothing. Nothing is written of a
-- lead that is gone: its person was erased meanwhile.
insert into crm_links as l
    (lead_id, tenant_id, module, record_id, linked_at, pushed, differs, looked_at, pushed_at, asked_digest)
select $1, $2, $3, $4, case when $4::text is not null then $7::timestamptz end, $5::text::jsonb, $6, $7,
       case when $8::bytea is not null then $7::timestamptz end, $8
where exists (select from leads where id = $1)
on conflict (lead_id) do update set
    module = excluded.module, record_id = excluded.record_id,
    linked_at = case when l.record_id is distinct from excluded.record_id then excluded.linked_at else l.linked_at end,
    pushed = excluded.pushed, differs = excluded.differs, looked_at = excluded.looked_at,
    pushed_at = coalesce(excluded.pushed_at, l.pushed_at),
    asked_digest = coalesce(excluded.asked_digest, l.asked_digest)
where $8 is not null or l.looked_at is not distinct from $9::timestamptz
