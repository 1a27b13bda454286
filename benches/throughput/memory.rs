//! What there is to remember of callers: calls, leads, what was made of both, notes and appointments, made by one
//! statement a table. Numbers are of the area code that is given to nobody.

use switchhook::domain;
use uuid::Uuid;

use super::cluster::{Database, TENANT, execute};
use super::keys;

/// The number of the first caller. The callers of the webhooks are the first of these.
const FIRST: usize = 100_000;

/// The number of a caller.
pub fn phone(caller: usize) -> String {
    format!("+1555{:07}", FIRST + caller)
}

/// Fills a database. The newest calls are spread over all leads, and so are those before.
pub async fn fill(database: &mut Database, calls: usize, leads: usize) -> anyhow::Result<()> {
    people(database, leads).await?;
    let phone = format!("'+1555' || lpad(({FIRST} + n % {leads})::text, 7, '0')");
    execute(
        &mut database.connection,
        &format!(
            "insert into calls (id, tenant_id, provider, provider_call_id, contact_number, our_number, direction, status,
                                disposition, answered_at, ended_at, duration_ms, summary, sentiment, transcript)
             select gen_random_uuid(), '{TENANT}', 'retell', 'old-' || n, {phone}, '+15550109999', 'inbound', 'ended',
                    'answered', now() - n * interval '10 seconds' - interval '1 minute',
                    now() - n * interval '10 seconds', 60000,
                    'The caller asked for another day for appointment ' || n || ', and was given Thursday at 09:30.',
                    'positive', repeat(md5(n::text), 20)
             from generate_series(1, {calls}) n;
             insert into lead_analytics (tenant_id, kind, call_id, phone, summary, sentiment, data, rank)
             select c.tenant_id, 'individual', c.id, c.contact_number, c.summary, 'positive',
                    '{{\"interests\": [\"appointments\"]}}', '2'
             from calls c where c.ended_at > now() - {leads} * interval '10 seconds';
             insert into appointments (id, tenant_id, calendar, seat, starts_at, ends_at, busy_until, phone)
             select gen_random_uuid(), '{TENANT}', c.number, 0, at, at + interval '30 minutes', at + interval '30 minutes',
                    {phone}
             from calendars c, generate_series(0, 99) n, lateral (
                 select date_trunc('day', now()) + interval '1 day' + n * interval '2 hours' as at) t"
        ),
    )
    .await?;
    // Neither runs in the transaction that several statements in one message share.
    execute(&mut database.connection, "vacuum analyze").await?;
    execute(&mut database.connection, "checkpoint").await
}

/// The leads, with a note and a summary each, and the tenant's calendar.
async fn people(database: &mut Database, leads: usize) -> anyhow::Result<()> {
    // The key is a digest that Postgres does not know how to make.
    let key = keys::digest_key();
    let ids: Vec<Uuid> = (0..leads).map(|caller| domain::lead_id(&key, TENANT, &phone(caller))).collect();
    let statement = format!(
        "insert into leads (id, tenant_id, phone, first_seen_at, stage, name, name_rank, profile, tags)
         select id, '{TENANT}', '+1555' || lpad(({FIRST} + place - 1)::text, 7, '0'), now() - interval '1 year', 'engaged',
                'Sample Caller', '2', '{{\"certainty\": 8, \"growth\": 3}}', '{{regular}}'
         from unnest($1::uuid[]) with ordinality as t (id, place)"
    );
    #[expect(clippy::disallowed_methods, reason = "benchmarks speak SQL in place")]
    let insert = sqlx::query(sqlx::AssertSqlSafe(statement)).bind(ids);
    insert.execute(&mut database.connection).await?;
    execute(
        &mut database.connection,
        &format!(
            "insert into calendars (tenant_id) values ('{TENANT}');
             insert into lead_notes (id, tenant_id, phone, kind, body, author, at)
             select gen_random_uuid(), tenant_id, phone, 'note', 'Would rather come in the morning.', 'Front desk',
                    now() - interval '30 days'
             from leads;
             insert into lead_analytics (tenant_id, kind, phone, summary, sentiment, rank)
             select tenant_id, 'complete', phone, 'Comes every month, and often moves the day.', 'positive', '2' from leads"
        ),
    )
    .await
}
