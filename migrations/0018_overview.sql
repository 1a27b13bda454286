-- Calls in numbers, by the quarter of an hour: a cache, never the truth. A quarter is added up from its calls when
-- somebody looks (sql/people/fill_quarters.sql), and again after any of them has changed, so nothing drifts; the table
-- may be emptied at any time. Quarters, because every time zone begins its days at one.

create table call_quarters (
    tenant_id uuid not null,
    quarter timestamptz not null,
    is_total boolean not null,
    campaign_id uuid,
    cost_unit text,
    calls integer not null,
    inbound integer not null,
    outbound integer not null,
    answered integer not null,
    missed integer not null,
    converted integer not null,
    positive integer not null,
    neutral integer not null,
    negative integer not null,
    talk_ms bigint not null,
    cost double precision not null,
    id uuid not null default gen_random_uuid(),
    primary key (tenant_id, is_total, quarter, id)
);
comment on table call_quarters is 'a cache: the calls that began in a quarter of an hour, by unit of cost; once of all campaigns together and once of each; a quarter without calls has rows of zeros';
comment on column call_quarters.quarter is 'when it begins';
comment on column call_quarters.id is 'what makes the key one, since campaigns and units may be null: a table without a key cannot be replicated';

create table call_quarter_changes (
    tenant_id uuid not null,
    quarter timestamptz not null,
    id uuid not null default gen_random_uuid(),
    primary key (tenant_id, id)
);
comment on table call_quarter_changes is 'quarters of which a call has changed since it ended: what is cached of them is thrown away before anybody reads it';

create function calls_change_quarter() returns trigger language plpgsql set search_path from current as $$
begin
    if tg_op <> 'INSERT' and old.started_at is not null then
        insert into call_quarter_changes (tenant_id, quarter)
        values (old.tenant_id, date_bin('15 minutes', old.started_at, 'epoch'));
    end if;
    if tg_op <> 'DELETE' and new.started_at is not null then
        insert into call_quarter_changes (tenant_id, quarter)
        values (new.tenant_id, date_bin('15 minutes', new.started_at, 'epoch'));
    end if;
    return null;
end $$;
-- Only quarters that ended two hours ago are cached, and calls of the last one and a half leave no marks, here or there:
-- the half hour between is for transactions under way. None that writes calls takes as long.
create trigger calls_come_late after insert on calls
    for each row when (new.started_at < now() - interval '90 minutes' and new.marks is null)
    execute function calls_change_quarter();
create trigger calls_go_late after delete on calls
    for each row when (old.started_at < now() - interval '90 minutes') execute function calls_change_quarter();
create trigger calls_change_late after update on calls
    for each row when (
        (old.started_at < now() - interval '90 minutes' or new.started_at < now() - interval '90 minutes')
        and (old.started_at is distinct from new.started_at
             or new.marks is not distinct from old.marks
                and (old.direction, old.status, old.disposition, old.answered_at, old.sentiment, old.talk_ms,
                     old.converted_by_hand, old.campaign_id_by_hand, old.campaign_rank, old.cost, old.cost_unit)
                    is distinct from
                    (new.direction, new.status, new.disposition, new.answered_at, new.sentiment, new.talk_ms,
                     new.converted_by_hand, new.campaign_id_by_hand, new.campaign_rank, new.cost, new.cost_unit))
    ) execute function calls_change_quarter();

-- A call as people read it: what was set by hand preferred.
create or replace view call_items as
    select c.id, c.tenant_id, c.provider, c.provider_call_id, c.direction::text, c.status::text, c.disposition::text,
           c.provider_status, c.contact_number, c.our_number, c.from_number, c.from_raw, c.to_number, c.to_raw,
           c.agent_id, c.agent_name, coalesce(c.campaign_id_by_hand, c.campaign_id) as campaign_id,
           c.started_at, c.answered_at, c.ended_at, c.duration_ms, c.talk_ms, c.summary, c.sentiment::text,
           c.successful, c.converted_by_hand as converted, c.recording_url, c.transcript is not null as has_transcript,
           coalesce(c.direction = 'inbound' and c.status = 'ended' and c.answered_at is null
                    and coalesce(c.disposition, 'no_answer') <> 'answered', false) as is_missed,
           coalesce(c.status = 'ended' and c.disposition is null and c.answered_at is null
                    or c.sentiment = 'negative' and c.converted_by_hand is null, false) as needs_review,
           c.cost, c.cost_unit
    from calls c;
