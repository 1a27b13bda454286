-- One call that two platforms saw, the telephone system and the voice agent, is shown as one conversation: by a link
-- that is worked out whenever it is read, never by merging rows.

create table conversation_links (
    call_id uuid not null,
    other_id uuid not null,
    is_same boolean not null,
    set_by text not null,
    set_at timestamptz not null default now(),
    primary key (call_id, other_id),
    constraint conversation_links_in_order check (call_id < other_id)
);
comment on table conversation_links is 'what people decided of two calls; deleting the row leaves it to their numbers and times again';
comment on column conversation_links.is_same is 'true: they are one conversation; false: they are two, whatever their numbers and times say';
create index conversation_links_other_idx on conversation_links (other_id);

-- The call that this one is shown under: the earliest of the same person with the same number of ours, seen by another
-- platform at the same time; itself, if there is none. A call without an end is taken to last four hours at most, which
-- also bounds how far the index is read. It takes columns and not the row, which would read the transcript.
create function conversation_of(
    call_id uuid, tenant uuid, platform text, contact text, ours text, started timestamptz, ended timestamptz
) returns uuid language sql stable
return coalesce(
    (select o.id
     from conversation_links l
     join calls o on o.id = case when l.call_id = $1 then l.other_id else l.call_id end
     where (l.call_id = $1 or l.other_id = $1) and l.is_same and (o.started_at, o.id) < ($6, $1)
     order by o.started_at, o.id limit 1),
    (select o.id
     from calls o
     where o.tenant_id = $2 and o.contact_number = $4 and o.provider <> $3
       and (o.our_number = $5 or o.our_number is null or $5 is null)
       and o.started_at between $6 - interval '4 hours' and $6
       and coalesce(o.ended_at, o.started_at + interval '4 hours') >= $6
       and (o.started_at, o.id) < ($6, $1)
       and not exists (select from conversation_links l
                       where l.call_id = least(o.id, $1) and l.other_id = greatest(o.id, $1) and not l.is_same)
     order by o.started_at, o.id limit 1),
    $1);
comment on function conversation_of is 'the id of the conversation that a call belongs to: of all calls that are one, the first one''s id';
