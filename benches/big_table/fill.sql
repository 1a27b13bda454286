-- Many calls, leads and what belongs to them, made by one statement a table, alike every time. How many is said by
-- settings: big.calls, big.leads. Of ten calls nine are the first tenant's; the newest is a minute old, and
-- each of the others 8.64 seconds older than the one after it: a million are a hundred days.
-- Rows are inserted the oldest first, as they would have come. Numbers are of an area code that is given to nobody.
insert into tenants (id, slug, name)
values ('00000000-0000-0000-0000-0000000000b1', 'big', 'Big'), ('00000000-0000-0000-0000-0000000000b2', 'small', 'Small');

insert into connections (id, tenant_id, provider, slug)
values ('00000000-0000-0000-0000-0000000000c1', '00000000-0000-0000-0000-0000000000b1', 'retell', 'big');

insert into campaigns (id, tenant_id, name)
select md5('campaign' || n)::uuid, '00000000-0000-0000-0000-0000000000b1', 'Campaign ' || n
from generate_series(1, 12) n;

insert into phone_numbers (tenant_id, number, campaign_id)
select '00000000-0000-0000-0000-0000000000b1', '+1555010' || lpad(n::text, 4, '0'), md5('campaign' || n % 12 + 1)::uuid
from generate_series(0, 19) n;

insert into agents (tenant_id, provider, provider_agent_id, name, campaign_id)
select '00000000-0000-0000-0000-0000000000b1', 'retell', 'agent_' || n, 'Agent ' || n, md5('campaign' || n % 12 + 1)::uuid
from generate_series(0, 29) n;

insert into leads (id, tenant_id, phone, first_seen_at, stage, name, name_rank, email, source, tags)
select md5('lead' || n)::uuid, '00000000-0000-0000-0000-0000000000b1', '+1555' || lpad((100000 + n)::text, 7, '0'),
       now() - n * interval '40 seconds', (array['new', 'contacted', 'engaged', 'qualified', 'won', 'lost'])[n % 6 + 1]::lead_stage,
       (array['Dana', 'Ada', 'Noam', 'Grace', 'Omar', 'Lior', 'Maya', 'Ines', 'Kofi', 'Wei'])[n % 10 + 1] || ' '
           || (array['Levi', 'Stone', 'Haddad', 'Rossi', 'Okoro', 'Chen', 'Weber', 'Silva'])[n / 10 % 8 + 1] || n / 80,
       '2', 'person' || n || '@example.com', 'retell', case when n % 7 = 0 then '{vip}'::text[] else '{}' end
from generate_series(0, current_setting('big.leads')::int - 1) n;

insert into calls (
    id, tenant_id, provider, provider_call_id, provider_status, direction, status, disposition, from_number, from_raw,
    to_number, to_raw, contact_number, our_number, agent_id, agent_name, campaign_rank, initiated_at, answered_at, ended_at,
    duration_ms, talk_ms, duration_rank, hangup_at, hangup_by, hangup_reason, recording_at, recording_url, summary,
    sentiment, successful, converted_by_hand, analysis, transcript_at, transcript, transcript_turns, transcript_rank,
    cost_at, cost, cost_unit, completed_at, created_at
)
select md5('call' || n)::uuid, tenant_id, 'retell', 'call_' || md5('platform' || n), 'ended', direction::call_direction,
       'ended', disposition::call_disposition, case direction when 'inbound' then contact else ours end,
       case direction when 'inbound' then contact else ours end, case direction when 'inbound' then ours else contact end,
       case direction when 'inbound' then ours else contact end, contact, ours, 'agent_' || n % 30, 'Agent ' || n % 30,
       case when n % 50 > 1 then '2:' || md5('campaign' || n % 12 + 1)::uuid end, at,
       case when disposition = 'answered' then at + interval '5 seconds' end, at + length, extract(epoch from length) * 1000,
       case when disposition = 'answered' then extract(epoch from length) * 1000 - 5000 end, '2', at + length, 'user',
       'user_hangup', at + length,
       case when disposition = 'answered' then 'https://example.com/recordings/' || md5('recording' || n) || '.wav' end,
       'The caller asked for another day for appointment ' || n || ', and was given Thursday at 09:30.',
       case when disposition = 'answered' then (array['positive', 'neutral', 'positive', 'neutral', 'negative'])[n % 5 + 1] end::sentiment,
       disposition = 'answered', case when n % 90 = 0 then true when n % 5 = 4 and n % 200 > 4 then false end,
       jsonb_build_object('topic', topic, 'order', n), at + length, said,
       case when said is not null then jsonb_build_array(jsonb_build_object('role', 'agent', 'text', said, 'at_ms', 0)) end,
       '2', at + length, 14.25, 'usd_cents', at + length, at
from (
    select n, now() - interval '1 minute' - n * interval '8.64 seconds' as at,
           case when n % 10 = 9 then '00000000-0000-0000-0000-0000000000b2' else '00000000-0000-0000-0000-0000000000b1' end::uuid as tenant_id,
           case when n % 3 = 0 then 'outbound' else 'inbound' end as direction,
           case when n % 10 = 4 then 'no_answer' when n % 300 = 7 then null else 'answered' end as disposition,
           '+1555' || lpad((100000 + n::bigint * 7919 % current_setting('big.leads')::int)::text, 7, '0') as contact,
           '+1555010' || lpad((n % 20)::text, 4, '0') as ours,
           n % 240 * interval '1 second' + interval '20 seconds' as length, topic,
           case when n % 10 not in (4, 7, 8) then
               'Agent: Good morning, this is the front desk, how can I help you today? User: Hello, I am calling about '
               || topic || ', my reference is ' || substr(md5('reference' || n), 1, 8) || '. Agent: Of course. Which day suits you best, and '
               || 'do you prefer the morning or the afternoon? User: Thursday morning would be best, but not before nine. '
               || 'Please say ' || substr(md5('word' || n % 20000), 1, 7) || ' and ' || substr(md5('other' || n % 3000), 1, 7)
               || ' to the doctor. Agent: Thursday at half past nine it is. You will get a message in a minute. Is there anything '
               || 'else? User: No, that was all, thank you. Agent: Thank you for calling, and see you on Thursday.'
           end as said
    from generate_series(current_setting('big.calls')::int, 1, -1) n,
         lateral (select (array['an invoice', 'a refund', 'an appointment', 'the opening hours', 'a prescription', 'parking', 'a complaint', 'insurance'])[n % 8 + 1] as topic) t
) made;

insert into lead_analytics (tenant_id, kind, call_id, phone, source, analysed_at, summary, sentiment, data, rank)
select tenant_id, 'individual', id, contact_number, 'openai', ended_at, summary, 'positive', '{"interests": ["appointments"]}', '2'
from calls where ended_at > now() - current_setting('big.leads')::int * interval '4 seconds';

insert into messages (id, tenant_id, provider, provider_message_id, channel, direction, from_number, to_number, contact_number, body, status, sent_at)
select md5('message' || n)::uuid, '00000000-0000-0000-0000-0000000000b1', 'whatsapp', 'wamid.' || md5('message' || n), 'whatsapp',
       case when n % 2 = 0 then 'inbound' else 'outbound' end, '+15550100001', contact, contact, 'Good morning, we missed your call.',
       'delivered', now() - n * interval '40 seconds'
from generate_series(current_setting('big.leads')::int, 1, -1) n,
     lateral (select '+1555' || lpad((100000 + n::bigint * 6007 % current_setting('big.leads')::int)::text, 7, '0') as contact) t;

insert into jobs (tenant_id, kind, key, due_at, attempts, settled_at, outcome, last_error)
select '00000000-0000-0000-0000-0000000000b1', 'analyze_call', md5('call' || n)::uuid::text, now() - n * interval '40 seconds', 1,
       now() - n * interval '40 seconds', case when n % 100 = 0 then 'dead' else 'done' end, case when n % 100 = 0 then 'refused' end
from generate_series(current_setting('big.leads')::int, 1, -1) n;

insert into charges (call_id, tenant_id, seconds, rate_per_minute, rounding_seconds, minimum_seconds, currency, charged_at)
select id, tenant_id, duration_ms / 1000, 0.12, 1, 0, 'USD', ended_at
from calls where ended_at > now() - current_setting('big.leads')::int * interval '8.64 seconds';

-- Nothing is added up yet that could have changed, and words are parsed at once.
delete from call_quarter_changes;
delete from call_words_due;
insert into call_words (call_id, tenant_id, words)
select id, tenant_id, transcript_words(transcript) from calls where transcript is not null
on conflict (call_id) do nothing;
