-- WhatsApp coming in: the token of Meta's verification GET, statuses in the order that the truth has, the job that sent
-- a message, and who wants no more messages.

alter table connections add column verify_token_digest bytea;
comment on column connections.verify_token_digest is 'SHA-256 of the token that a platform must name in its verification GET (WhatsApp); null refuses it';

-- A person with several devices yields both "failed" and "delivered", in either order: what has reached one of them was
-- not lost, so failed now beats sent and nothing else. Played is a voice message that was listened to.
alter type message_status rename to message_status_before;
create type message_status as enum ('pending', 'sent', 'failed', 'delivered', 'read', 'played', 'received');
alter table messages alter column status type message_status using status::text::message_status;
drop type message_status_before;
comment on column messages.status is 'greatest, in the order of the enum: failed beats sent, delivered beats failed, read beats delivered';
comment on column messages.error is 'greatest: the platform''s own word or code; it counts where the status is failed';
comment on column messages.sent_at is 'least: the earliest sign of it';

alter table messages add column job_id uuid;
comment on column messages.job_id is 'greatest: the job that sent it, as its own row or the status webhook says (biz_opaque_callback_data)';
create index messages_job_idx on messages (job_id) where job_id is not null;

alter table leads
    add column opted_out boolean,
    add column opted_out_rank text collate "C",
    add column opted_out_by_hand boolean;
comment on column leads.opted_out is 'ranked opted_out: wants no more messages, on any channel; the latest word wins, and of two at one time the no';
comment on column leads.opted_out_rank is 'ranked opted_out';
comment on column leads.opted_out_by_hand is 'hand';
comment on column leads.stage is 'greatest, in the order of the enum; who writes to us is engaged at least';

create or replace view lead_facts as
    select l.id, l.tenant_id, l.phone, coalesce(l.name_by_hand, l.name) as name,
           coalesce(l.email_by_hand, l.email) as email, coalesce(l.stage_by_hand, l.stage) as stage,
           l.source, l.first_seen_at, c.calls, c.missed, c.last_call_at,
           coalesce(l.opted_out_by_hand, l.opted_out, false) as opted_out
    from leads l
    cross join lateral (
        select count(*) as calls,
               count(*) filter (where direction = 'inbound' and status = 'ended' and answered_at is null
                                and coalesce(disposition, 'no_answer') <> 'answered') as missed,
               max(started_at) as last_call_at
        from calls where calls.tenant_id = l.tenant_id and calls.contact_number = l.phone
    ) c;
