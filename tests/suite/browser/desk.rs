//! What lies on the desk: a fortnight of a team that works, and the same with script in every text that is stored.

use switchhook::providers;
use switchhook::store::follow;
use uuid::Uuid;

use crate::support::{TENANT, TestApp, fixtures};

/// A call with everything, the newest of the inbound ones; nobody has decided about it.
pub const CALL: Uuid = Uuid::from_u128(0xca11_0001);
/// The person who called.
pub const LEAD: Uuid = Uuid::from_u128(0x1ead_0001);
/// An event that is dead, and a job.
pub const EVENT: Uuid = Uuid::from_u128(0xe4e7_0001);
pub const JOB: Uuid = Uuid::from_u128(0x10b_0001);
/// Calls of no campaign, and dead events of one cause.
pub const UNATTRIBUTED: u64 = 60;
pub const DEAD: u64 = 120;
/// What would run if it were ever more than text. Every text is made of it and the name of its column.
const SCRIPT: &str =
    r#""><img src=x onerror="window.hit=1"></textarea></script><script>window.hit=1</script><b onclick="#;

/// An app with a fortnight's work: events of every platform through the door, and rows as they become.
pub async fn with_work() -> TestApp {
    let mut app = TestApp::spawn_with(&[("CONSOLE__REQUESTS_PER_MINUTE", "100000")], providers::registry()).await;
    app.allow_broken_rows();
    for fixture in fixtures() {
        app.post(fixture.provider, fixture.body).await;
    }
    app.run_until_idle().await;
    // What follows is of the last fortnight, and so is what pages show.
    app.clock.advance(chrono::Utc::now() - app.clock.now());
    app.execute(&format!(
        "insert into campaigns (id, tenant_id, name)
         select ('00000000-0000-0000-0000-0000ca3a000' || n)::uuid, '{TENANT}', name
         from unnest(array['Spring', 'Autumn fair', 'Referrals']) with ordinality as t (name, n);
         insert into agents (provider, provider_agent_id, tenant_id, campaign_id, name)
         select 'retell', 'agent_' || n, '{TENANT}', c.id, 'Agent ' || n
         from generate_series(1, 3) as n join campaigns c on c.name = (array['Spring', 'Autumn fair', 'Referrals'])[n];
         insert into phone_numbers (number, tenant_id, campaign_id, label)
         select '+155501000' || n, '{TENANT}', null, 'Line ' || n from generate_series(10, 14) as n;
         delete from leads where phone like '+1555010%';
         insert into leads (id, tenant_id, phone, name, name_rank, email, email_rank, stage, source, tags, first_seen_at)
         select case n when 1 then '{LEAD}'::uuid else gen_random_uuid() end, '{TENANT}', '+1555010' || lpad(n::text, 4, '0'),
                (array['Dana Levi', 'דנה לוי', 'Ada Stone', 'Ravi Kumar', 'Eva Ruiz'])[1 + n % 5] || ' ' || n, '1',
                'person' || n || '@example.com', '1',
                (array['new', 'contacted', 'engaged', 'qualified', 'won', 'lost'])[1 + n % 6]::lead_stage,
                (array['call', 'form', 'referral'])[1 + n % 3],
                case when n % 4 = 0 then array['vip', 'callback'] else '{{}}' end, now() - n * interval '7 hours'
         from generate_series(1, 40) as n;
         insert into calls (id, tenant_id, provider, provider_call_id, direction, status, disposition, initiated_at,
                answered_at, ended_at, from_raw, from_number, to_raw, to_number, our_number, contact_number, agent_id,
                agent_name, duration_ms, talk_ms, transcript, transcript_turns, summary, sentiment, successful, cost,
                cost_unit, campaign_id_by_hand, converted_by_hand, hangup_reason, recording_url)
         select case n when 1 then '{CALL}'::uuid else gen_random_uuid() end, '{TENANT}', p, 'desk-' || n, d, 'ended',
                case when missed then 'no_answer' else 'answered' end::call_disposition, t,
                case when not missed then t + interval '6 seconds' end, t + interval '3 minutes',
                person, person, '+15550100010', '+15550100010', '+15550100010', person, 'agent_' || (1 + n % 3),
                'Agent ' || (1 + n % 3), 180000, case when not missed then 174000 end,
                case when not missed then 'Agent: Good morning. User: I would like a quotation for call ' || n end,
                case when not missed then jsonb_build_array(
                    jsonb_build_object('role', 'agent', 'text', 'Good morning, how can I help?', 'at_ms', 0),
                    jsonb_build_object('role', 'user', 'text', 'I would like a quotation for call ' || n, 'at_ms', 4200),
                    jsonb_build_object('role', 'tool', 'text', '{{\"name\": \"lookup_customer\"}}', 'at_ms', 6100)) end,
                case when not missed then 'Wants a quotation; will be called back.' end,
                case when not missed then (array['negative', 'neutral', 'positive'])[1 + n % 3]::sentiment end,
                case when not missed then n % 2 = 0 end, 0.12, 'USD',
                case when n > {UNATTRIBUTED} then ('00000000-0000-0000-0000-0000ca3a000' || (1 + n % 3))::uuid end,
                case when n % 9 = 5 then true end, case when missed then 'nobody picked up' else 'agent hung up' end,
                case when n % 4 = 1 then 'https://recordings.example.com/' || n || '.mp3' end
         from (select n, now() - n * interval '2 hours' as t, n % 5 = 2 as missed,
                      (array['retell', 'elevenlabs', 'dialpad', 'voicenter', 'bolna'])[1 + n % 5] as p,
                      case n % 3 when 1 then 'inbound' else 'outbound' end::call_direction as d,
                      '+1555010' || lpad((1 + (n - 1) % 40)::text, 4, '0') as person
               from generate_series(1, 160) as n) as made;
         insert into messages (id, tenant_id, provider, provider_message_id, channel, direction, contact_number, body,
                               status, sent_at)
         select gen_random_uuid(), '{TENANT}', 'whatsapp', 'desk-' || n, 'whatsapp',
                case n % 2 when 0 then 'inbound' else 'outbound' end, '+1555010' || lpad(n::text, 4, '0'),
                'We missed your call. When may we call back?', 'delivered', now() - n * interval '3 hours'
         from generate_series(1, 30) as n;
         insert into lead_analytics (tenant_id, kind, call_id, phone, source, analysed_at, summary, sentiment, successful,
                                     score, rank)
         values ('{TENANT}', 'individual', '{CALL}', '+15550100001', 'openai', now(), 'Ready to buy', 'positive', true, 0.8, '1'),
                ('{TENANT}', 'complete', null, '+15550100001', 'openai', now(), 'A good customer', 'positive', true, 0.9, '1');
         insert into lead_notes (id, tenant_id, phone, kind, body, author, at)
         values (gen_random_uuid(), '{TENANT}', '+15550100001', 'note', 'Prefers mornings', 'Agent 1', now());
         insert into webhook_events (id, connection_id, event_type, external_event_id, payload, processed_at, outcome,
                                     last_error, attempts, received_at)
         select case n when 1 then '{EVENT}'::uuid else gen_random_uuid() end, '{connection}', 'call_ended', 'desk-dead-' || n,
                jsonb_build_object('event', 'call_ended', 'call', jsonb_build_object('call_id', 'desk-dead-' || n)),
                now() - n * interval '9 minutes', 'dead', 'payload: missing field `start_timestamp`', 1,
                now() - n * interval '10 minutes'
         from generate_series(1, {DEAD}) as n;
         insert into jobs (id, tenant_id, kind, key, payload, due_at, attempts, settled_at, outcome, last_error)
         select case n when 1 then '{JOB}'::uuid else gen_random_uuid() end, '{TENANT}',
                (array['start_outreach', 'analyze_call', 'send_alert'])[1 + n % 3], 'desk-' || n, '{{}}',
                now() - n * interval '1 hour', 3, now() - n * interval '1 hour', (array['dead', 'done'])[1 + n % 2],
                'the vendor refused: 401'
         from generate_series(1, 24) as n;
         insert into incidents (cause, subject, tenant_id, severity, summary, opened_at, last_seen_at, told_at)
         values ('dead_events', 'retell', '{TENANT}', 'warning', '{DEAD} events are dead', now(), now(), now());
         insert into rejections (provider, connection, address, reason, status)
         select 'retell', 'default', '192.0.2.' || n, 'signature does not fit', 401 from generate_series(1, 12) as n",
        connection = app.connection_id("retell"),
    ))
    .await;
    follow::drain(&app.pool).await.unwrap();
    app
}

/// Puts script into every column that holds text, and links that would run into every URL. A column that refuses it is
/// none that anybody else can write.
pub async fn spoil(app: &TestApp) {
    app.execute(&format!(
        "do $spoil$
         declare one record;
         begin
             for one in
                 select c.table_name, c.column_name, c.data_type from information_schema.columns c
                 join information_schema.tables t using (table_schema, table_name)
                 where table_schema = 'public' and t.table_type = 'BASE TABLE' and c.is_generated = 'NEVER'
                   and c.data_type in ('text', 'jsonb', 'ARRAY')
                   and c.table_name not in ('_sqlx_migrations', 'sessions', 'connection_secrets', 'second_factors')
                   and c.column_name not in ('role', 'password_hash', 'header_name', 'header_value', 'time_zone', 'settings',
                                             'from_number', 'to_number', 'our_number', 'contact_number', 'phone', 'number')
             loop
                 begin
                     execute format(
                         case when one.column_name like '%url' then 'update %1$I set %2$I = ''javascript:window.hit=1//%2$s'''
                              when one.data_type = 'text' then 'update %1$I set %2$I = %3$L || %2$I'
                              when one.data_type = 'ARRAY' then 'update %1$I set %2$I = array[%3$L]'
                              when one.column_name = 'transcript_turns' then
                                  'update %1$I set %2$I = jsonb_build_array(jsonb_build_object(
                                       ''role'', %3$L, ''text'', %3$L, ''at_ms'', 0))'
                              else 'update %1$I set %2$I = jsonb_build_object(%3$L, %3$L)' end,
                         one.table_name, one.column_name, one.table_name || '.' || one.column_name || $text${SCRIPT}$text$);
                 exception when others then null;
                 end;
             end loop;
         end $spoil$"
    ))
    .await;
}
