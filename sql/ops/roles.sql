-- Three roles for one installation: an owner that migrates, the role that the program runs as, and a reader for reports.
--
--   psql "$ADMIN_URL" -f sql/ops/roles.sql
--   psql "$ADMIN_URL" -v schema=switchhook -v runtime=shop_runtime -f sql/ops/roles.sql
--
-- schema           where the tables are, or will be; nothing else lives there     public
-- owner            owns the tables, and migrates                                  switchhook_owner
-- runtime          reads and writes rows: serve, process, every command           switchhook_runtime
-- reader           reads for reports: calls, leads, analytics, numbers            switchhook_reader
-- words=1          the reader also sees what people said: transcripts, messages, notes
--
-- Run it as a superuser, or as the role that owns the database and may create roles. It may be run again at any time, and
-- should be after each upgrade. On a fresh database: run it, `switchhook migrate` as the owner, run it again; before the
-- second time the runtime role may do nothing. Passwords are yours to set (\password switchhook_runtime). Several
-- installations in one database take a schema and three roles each.
--
-- runtime          has no DDL and no TRUNCATE, and deletes only where the program does. It adds to operator_log and can
--                  neither change nor remove a line; what names a lead that was deleted is blanked by the function
--                  operator_log_forget, which belongs to the owner, and by erased_leads, which only a trigger writes. Tables of yours for handlers of yours: make them as the
--                  owner, in the schema. `doctor` sees long transactions of other roles, and `leads forget` looks for the
--                  number in other schemas, as far as you let it: pg_read_all_stats and select are yours to grant.
-- reader           sees no payload, no secret, no token, no session, no password, no setting of a tenant, no link to a
--                  recording, and no operator_log.

\set ON_ERROR_STOP on
\if :{?schema} \else \set schema public \endif
\if :{?owner} \else \set owner switchhook_owner \endif
\if :{?runtime} \else \set runtime switchhook_runtime \endif
\if :{?reader} \else \set reader switchhook_reader \endif
\if :{?words} \else \set words 0 \endif

begin;
set local client_min_messages = warning;
-- Names in here are those of the catalogue, whatever the schema holds.
set local search_path = pg_catalog, pg_temp;
create temporary table roles_asked on commit drop as
    select :'schema'::name as schema, :'owner'::name as owner, :'runtime'::name as runtime, :'reader'::name as reader,
           :'words' = '1' as words;

-- What each role may do with each table. runtime: - nothing, or of (s)elect, (i)nsert, (u)pdate, (d)elete. reader: * all columns, - none,
-- or these; +words: these as well where words=1 was said. A table that is not here is the runtime role's to read and write,
-- and hidden from the reader.
create temporary table roles_decided (name name primary key, runtime text, reader text, words text) on commit drop;
insert into roles_decided values
    ('_sqlx_migrations', 's', '-', null),
    ('agents', 'siud', '*', null),
    ('allowances', 'siud', '*', null),
    ('api_tokens', 'siu', '-', null),
    ('appointments', 'siud', '*', null),
    ('attributions', 'sid', '*', null),
    ('calendars', 'si', '*', null),
    ('call_quarter_changes', 'sid', '-', null),
    ('call_quarters', 'sid', '*', null),
    ('call_words', 'siud', '-', null),
    ('call_words_due', 'siud', '-', null),
    ('calls', 'siu', 'id tenant_id provider provider_call_id parent_call_id campaign_id campaign_id_by_hand initiated_at
        ringing_at answered_at ended_at started_at completed_at created_at forgotten_at direction status disposition
        provider_status from_raw from_number to_raw to_number our_number contact_number agent_id agent_name duration_ms
        talk_ms hangup_at hangup_by hangup_reason analysis_at sentiment successful converted_by_hand cost_at cost
        cost_unit', 'summary analysis transcript_at transcript transcript_turns'),
    ('campaigns', 'sid', '*', null),
    ('charges', 'siu', '*', null),
    ('connection_hours', 'sid', '*', null),
    ('connection_secrets', 'siud', '-', null),
    ('connections', 'siu', 'id tenant_id provider is_default allow_unsigned url_is_secret allowed_addresses region
        disabled_at created_at', null),
    ('conversation_links', 'siud', '*', null),
    ('credits', 'si', '*', null),
    ('crm_links', 'siud', 'lead_id tenant_id pushes module record_id linked_at pushed_at looked_at differs', null),
    ('crm_queue', 'siud', '*', null),
    ('crm_tenants', 'siud', '*', null),
    ('erased_leads', '-', '-', null),
    ('event_queue', 'siud', '*', null),
    ('forgotten', 'siu', '-', null),
    ('idempotency_keys', 'siud', '-', null),
    ('incidents', 'siu', '*', null),
    ('job_pauses', 'siud', '*', null),
    ('jobs', 'siu', 'id tenant_id kind due_at attempts claims lease_until alive_until waiting_since sending_at
        unknown_outcomes needs_person settled_at outcome created_at', null),
    ('kept_requests', 'siud', 'id source_id provider at is_known rank reason bytes', null),
    ('known_places', 'siud', '-', null),
    ('lead_analytics', 'siud', 'id tenant_id kind call_id phone source analysed_at sentiment successful score rank
        created_at', 'summary data'),
    ('lead_notes', 'siud', 'id tenant_id phone kind author call_ref wanted_at event_id at resolved_at
        unverified', 'body'),
    ('leads', 'siud', 'id tenant_id phone first_seen_at created_at stage stage_by_hand name name_by_hand email
        email_by_hand source crm_link tags opted_out opted_out_by_hand blocked_by_hand', 'profile'),
    ('live_answers', 'siud', '-', null),
    ('live_lookups', 'siud', '*', null),
    ('live_minutes', 'siud', '*', null),
    ('live_writes', 'siud', '-', null),
    ('messages', 'siud', 'id tenant_id provider provider_message_id channel direction from_number to_number
        contact_number status error sent_at created_at job_id forgotten_at', 'body'),
    ('monitor_marks', 'siu', '-', null),
    ('oauth_tokens', 'siu', '-', null),
    ('oidc_sign_ins', 'siud', '-', null),
    ('operator_log', 'si', '-', null),
    ('outreaches', 'siud', '*', null),
    ('pending_sign_ins', 'siud', '-', null),
    ('phone_numbers', 'siud', '*', null),
    ('reconcile_leases', 'siud', '-', null),
    ('reconciliations', 'siud', '*', null),
    ('recordings', 'siud', 'id tenant_id call_id kind duration_ms started_at created_at', null),
    ('recovery_codes', 'siud', '-', null),
    ('rejections', 'siud', 'id at provider reason status body_bytes repeats', null),
    ('retention_rules', 'siud', '*', null),
    ('second_factors', 'siud', '-', null),
    ('secrets', 'siu', '-', null),
    ('sessions', 'siud', '-', null),
    ('sign_in_attempts', 'siud', '-', null),
    ('slow_answers', 'sid', '*', null),
    ('source_tokens', 'siud', '-', null),
    ('tenant_rates', 'si', '*', null),
    ('tenants', 'siu', 'id slug name region outreach_delay time_zone low_credit created_at', null),
    ('untrusted_proxies', 'siud', '-', null),
    ('users', 'siud', '-', null),
    ('webhook_events', 'siu', 'id connection_id tenant_id provider event_type external_event_id occurred_at received_at
        processed_at next_attempt_at attempts outcome origin payload_removed_at', null),
    -- Views show what their owner may see.
    ('balances', 's', '*', null),
    ('call_items', 's', 'id tenant_id provider provider_call_id direction status disposition provider_status
        contact_number our_number from_number from_raw to_number to_raw agent_id agent_name campaign_id started_at
        answered_at ended_at duration_ms talk_ms sentiment successful converted has_transcript is_missed needs_review cost
        cost_unit', 'summary'),
    ('crm_cards', 's', 'lead_id tenant_id phone name name_is_by_hand email email_is_by_hand stage stage_is_by_hand score
        last_call_at', null),
    ('dead_letters', 's', 'id connection_id tenant_id provider event_type external_event_id received_at died_at attempts',
        null),
    ('lead_facts', 's', '*', null),
    ('live_source_credentials', 's', '-', null),
    ('missed_calls', 's', '*', null),
    ('source_credentials', 's', '-', null),
    ('unfinished_rotations', 's', '-', null);

do $$
declare
    asked record;
    role name;
    found record;
    decided record;
    rights text;
    columns text;
    is_super boolean := (select rolsuper from pg_roles where rolname = current_user);
begin
    select * into asked from roles_asked;
    foreach role in array array[asked.owner, asked.runtime, asked.reader] loop
        if not exists (select from pg_roles where rolname = role) then
            execute format('create role %I login', role);
        end if;
        execute format('grant connect on database %I to %I', current_database(), role);
        -- So that the tables are found by their names, whatever the schema is called.
        execute format('alter role %I in database %I set search_path = %I', role, current_database(), asked.schema);
    end loop;
    -- To hand tables over, one must be able to act as whom they are handed to.
    if not is_super and not pg_has_role(current_user, asked.owner, 'member') then
        execute format('grant %I to current_user', asked.owner);
    end if;

    if to_regnamespace(quote_ident(asked.schema)) is null then
        execute format('create schema %I', asked.schema);
    end if;
    -- Nobody but the owner makes anything in it: what is found there is trusted.
    execute format('revoke create on schema %I from public', asked.schema);
    execute format('grant usage, create on schema %I to %I', asked.schema, asked.owner);
    execute format('revoke all on schema %I from %I, %I', asked.schema, asked.runtime, asked.reader);
    execute format('grant usage on schema %I to %I, %I', asked.schema, asked.runtime, asked.reader);

    -- What is there already becomes the owner's. Sequences, indexes and row types go with their tables.
    for found in
        select case c.relkind when 'v' then 'view' when 'm' then 'materialized view' when 'S' then 'sequence' else 'table'
               end as kind, format('%I.%I', asked.schema, c.relname) as object
        from pg_class c
        where c.relnamespace = quote_ident(asked.schema)::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'S')
          and c.relowner <> quote_ident(asked.owner)::regrole
          and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid
                          and (d.deptype = 'e' or c.relkind = 'S' and d.deptype in ('a', 'i')))
        union all
        select 'routine', p.oid::regprocedure::text from pg_proc p
        where p.pronamespace = quote_ident(asked.schema)::regnamespace and p.proowner <> quote_ident(asked.owner)::regrole
          and not exists (select from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')
        union all
        select 'type', t.oid::regtype::text from pg_type t
        where t.typnamespace = quote_ident(asked.schema)::regnamespace and t.typowner <> quote_ident(asked.owner)::regrole
          and t.typtype in ('e', 'd') and not exists
            (select from pg_depend d where d.classid = 'pg_type'::regclass and d.objid = t.oid and d.deptype = 'e')
    loop
        execute format('alter %s %s owner to %I', found.kind, found.object, asked.owner);
    end loop;

    if to_regclass(format('%I.webhook_events', asked.schema)) is null then
        raise warning 'there are no tables in schema % yet: run `switchhook migrate` as %, then this file again',
            asked.schema, asked.owner;
        return;
    end if;

    for found in
        select c.oid, c.relname, format('%I.%I', asked.schema, c.relname) as object, c.relkind
        from pg_class c
        where c.relnamespace = quote_ident(asked.schema)::regnamespace and c.relkind in ('r', 'p', 'v', 'm')
        order by c.relname
    loop
        execute format('revoke all on %s from public, %I, %I', found.object, asked.runtime, asked.reader);
        select * into decided from roles_decided d where d.name = found.relname;
        if decided.name is null then
            raise warning 'table % is not decided on in roles.sql: the runtime role reads and writes it, the reader does not see it',
                found.relname;
        end if;
        select string_agg(case letter when 's' then 'select' when 'i' then 'insert' when 'u' then 'update' else 'delete' end, ', ')
        into rights from regexp_split_to_table(coalesce(decided.runtime, 'siud'), '') as letter where letter <> '-';
        if rights is not null then
            execute format('grant %s on %s to %I', rights, found.object, asked.runtime);
        end if;
        select string_agg(quote_ident(a.attname), ', ') into columns
        from pg_attribute a
        where a.attrelid = found.oid and a.attnum > 0 and not a.attisdropped
          and (decided.reader = '*' or a.attname::text = any (regexp_split_to_array(
                  decided.reader || ' ' || case when asked.words then coalesce(decided.words, '') else '' end, '\s+')));
        if columns is not null then
            execute format('grant select (%s) on %s to %I', columns, found.object, asked.reader);
        end if;
    end loop;

    execute format('grant usage, select on all sequences in schema %I to %I', asked.schema, asked.runtime);
    execute format('grant execute on all functions in schema %I to %I', asked.schema, asked.runtime);
    -- What later migrations make: the program works at once, and the reader waits until this file has been run again.
    execute format('alter default privileges for role %I in schema %I grant select, insert, update, delete on tables to %I',
                   asked.owner, asked.schema, asked.runtime);
    execute format('alter default privileges for role %I in schema %I grant usage, select on sequences to %I',
                   asked.owner, asked.schema, asked.runtime);
    execute format('alter default privileges for role %I in schema %I grant execute on functions to %I',
                   asked.owner, asked.schema, asked.runtime);
end $$;
commit;
