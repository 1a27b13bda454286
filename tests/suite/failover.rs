//! A failover under load: the primary dies, the standby is promoted, and the program goes on with it. And what a server that
//! was long away is told.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::json;
use sqlx::postgres::PgPoolOptions;
use uuid::Uuid;

use crate::bad_days::{Day, SECONDS};
use crate::support::vendors::whatsapp::{TOKEN, WhatsAppStub};
use crate::support::{Binary, client, stand};

/// Senders at once.
const SENDERS: u32 = 4;

/// What the senders were told.
#[derive(Default)]
struct Told {
    accepted: Mutex<Vec<(Instant, Uuid)>>,
    next: AtomicU32,
    stop: AtomicBool,
}

async fn pour(url: String, told: Arc<Told>) {
    let client = client();
    while !told.stop.load(Ordering::Relaxed) {
        let call = told.next.fetch_add(1, Ordering::Relaxed);
        let body = json!({ "id": format!("call-{call}"), "status": "completed", "agent_id": "agent-1",
            "telephony_data": { "to_number": "+15550109999", "from_number": format!("+155501{call:05}"),
                "call_type": "inbound", "duration": "30" } });
        let sent = client.post(&url).json(&body).timeout(Duration::from_secs(10)).send().await;
        match sent {
            Ok(answer) if answer.status() == 200 => {
                let id = answer.headers()["switchhook-event"].to_str().unwrap().parse().unwrap();
                told.accepted.lock().unwrap().push((Instant::now(), id));
            }
            _ => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

/// A URL of both, whichever takes changes.
fn either(url: &str, standby_url: &str) -> String {
    let port = |url: &str| url.parse::<reqwest::Url>().unwrap().port().unwrap();
    let servers = format!("127.0.0.1:{},127.0.0.1:{}", port(standby_url), port(url));
    let both = url.replace(&format!("127.0.0.1:{}", port(url)), &servers);
    format!("{both}?target_session_attrs=read-write")
}

/// Settings by which missed calls are written to at once, by this stub.
fn messages(whatsapp: &WhatsAppStub) -> [(&str, &str); 7] {
    [
        ("JOBS__POLL_INTERVAL", "50ms"),
        ("OUTREACH__DELAY", "1ms"),
        ("OUTREACH__QUIET_HOURS", ""),
        ("INTEGRATIONS__WHATSAPP__BASE_URL", whatsapp.base_url.as_str()),
        ("INTEGRATIONS__WHATSAPP__TOKEN", TOKEN),
        ("INTEGRATIONS__WHATSAPP__PHONE_NUMBER_ID", "106540352242922"),
        ("INTEGRATIONS__WHATSAPP__TEMPLATE", "missed_call"),
    ]
}

/// Asks until it is so.
async fn until(what: &str, binary: &Binary, is_so: impl AsyncFn() -> bool) {
    let began = Instant::now();
    while !is_so().await {
        assert!(began.elapsed() < SECONDS * 2, "{what}: {}", binary.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_failover_the_promoted_standby_is_used_and_has_all_that_was_answered_200() {
    let Some((cluster, standby)) = stand::two_servers("synchronous").await else { return };
    let (url, standby_url) = (cluster.url("postgres"), standby.url("postgres"));
    let primary = PgPoolOptions::new().max_connections(1).connect(&url).await.unwrap();
    // What is answered is on both.
    sqlx::raw_sql("alter system set synchronous_standby_names = '*'").execute(&primary).await.unwrap();
    sqlx::raw_sql("select pg_reload_conf()").execute(&primary).await.unwrap();
    let both = either(&url, &standby_url);
    let settings = [("DATABASE__ACQUIRE_TIMEOUT", "1s"), ("HTTP__ANSWER_TIMEOUT", "2s")];
    let binary = Binary::serve(&both, &["--setup"], &settings).await;
    let token = Binary::new_url_token(&url, "bolna");
    let webhook_url = format!("{}/webhooks/bolna/default/{token}", binary.base);
    let told = Arc::new(Told::default());
    let senders: Vec<_> = (0..SENDERS).map(|_| tokio::spawn(pour(webhook_url.clone(), Arc::clone(&told)))).collect();
    let began = Instant::now();
    while told.accepted.lock().unwrap().len() < 100 {
        assert!(began.elapsed() < SECONDS * 2, "{}", binary.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    primary.close().await;
    cluster.stop().await.unwrap();
    standby.promote().await.unwrap();
    let promoted = Instant::now();
    let first = loop {
        if let Some((at, _)) = told.accepted.lock().unwrap().iter().find(|(at, _)| *at > promoted) {
            break *at;
        }
        assert!(promoted.elapsed() < SECONDS * 2, "nothing is taken: {}", binary.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    println!("the first webhook was taken {:?} after the promotion", first - promoted);
    tokio::time::sleep(Duration::from_secs(1)).await;
    told.stop.store(true, Ordering::Relaxed);
    for sender in senders {
        sender.await.unwrap();
    }
    let pool = PgPoolOptions::new().max_connections(1).connect(&standby_url).await.unwrap();
    let pending = "select count(*) from webhook_events where processed_at is null";
    let began = Instant::now();
    while sqlx::query_scalar::<_, i64>(pending).fetch_one(&pool).await.unwrap() > 0 {
        assert!(began.elapsed() < SECONDS * 2, "{}", binary.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let ids: Vec<Uuid> = told.accepted.lock().unwrap().iter().map(|(_, id)| *id).collect();
    let lost: Vec<Uuid> = sqlx::query_scalar(
        "select t.id from unnest($1::uuid[]) as t (id) where not exists (select from webhook_events e where e.id = t.id)",
    )
    .bind(&ids)
    .fetch_all(&pool)
    .await
    .unwrap();
    assert_eq!(lost, Vec::<Uuid>::new(), "of {} answered 200", ids.len());
    pool.close().await;
    standby.stop().await.unwrap();
}

/// A message is sent, and the server that knows of it dies before its standby does. The standby has the job as it was before,
/// or not at all; then the platform sends its webhook once more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_failover_to_a_standby_that_is_behind_nobody_is_written_to_twice() {
    let Some((cluster, standby)) = stand::two_servers("asynchronous").await else { return };
    let (url, standby_url) = (cluster.url("postgres"), standby.url("postgres"));
    let whatsapp = WhatsAppStub::start().await;
    whatsapp.approve("missed_call", "en", 0);
    let settings =
        [&[("DATABASE__ACQUIRE_TIMEOUT", "1s"), ("HTTP__ANSWER_TIMEOUT", "2s")], &messages(&whatsapp)[..]].concat();
    let both = either(&url, &standby_url);
    let binary = Binary::serve(&both, &["--setup", "--only", "ingest"], &settings).await;
    let webhook_url = format!("{}/webhooks/bolna/default/{}", binary.base, Binary::new_url_token(&url, "bolna"));
    let worker = Binary::serve(&both, &["--only", "work"], &settings).await;
    // Another one, which has sent nothing itself and must wait for what the first one knows.
    let other = Binary::serve(&both, &["--only", "work"], &settings).await;
    let missed = async |call: &str, from: &str| {
        let body = json!({ "id": call, "status": "no-answer", "agent_id": "agent-1",
            "telephony_data": { "to_number": "+15550109999", "from_number": from, "call_type": "inbound" } });
        let sent = client().post(&webhook_url).json(&body).timeout(Duration::from_secs(10)).send().await;
        sent.is_ok_and(|answer| answer.status() == 200)
    };
    let primary = PgPoolOptions::new().max_connections(1).connect(&url).await.unwrap();
    let follower = PgPoolOptions::new().max_connections(1).connect(&standby_url).await.unwrap();
    let count = async |pool: &sqlx::PgPool, what: &str| {
        let statement = sqlx::AssertSqlSafe(format!("select count(*) from {what}"));
        let counted = sqlx::query_scalar::<_, i64>(statement).fetch_one(pool).await;
        counted.unwrap_or(-1)
    };
    // One whose job the standby has, not yet done.
    sqlx::raw_sql("insert into job_pauses (kind, reason) values ('start_outreach', 'a test')")
        .execute(&primary)
        .await
        .unwrap();
    assert!(missed("known", "+15550100101").await);
    until("the job is on the standby", &worker, async || {
        count(&follower, "jobs where kind = 'start_outreach'").await == 1
    })
    .await;
    for statement in ["alter system set primary_conninfo = ''", "select pg_reload_conf()"] {
        sqlx::raw_sql(statement).execute(&follower).await.unwrap();
    }
    until("the standby has stopped following", &worker, async || count(&primary, "pg_stat_replication").await == 0)
        .await;
    sqlx::raw_sql("delete from job_pauses").execute(&primary).await.unwrap();
    // And one of whom the standby knows nothing.
    assert!(missed("unknown", "+15550100102").await);
    until("both are written to", &worker, async || {
        count(&primary, "jobs where kind = 'start_outreach' and outcome = 'done'").await == 2
    })
    .await;
    assert_eq!(whatsapp.accepted().len(), 2);
    primary.close().await;
    follower.close().await;
    cluster.stop().await.unwrap();
    standby.promote().await.unwrap();
    let promoted = PgPoolOptions::new().max_connections(1).connect(&standby_url).await.unwrap();
    assert_eq!(count(&promoted, "jobs where kind = 'start_outreach'").await, 1, "the standby was behind");
    until("webhooks are taken again", &binary, async || missed("unknown", "+15550100102").await).await;
    // The standby was paused; what is due is claimed as soon as that is over.
    sqlx::raw_sql("delete from job_pauses").execute(&promoted).await.unwrap();
    // Nor for another missed call, while the outreach of the first one is under way.
    assert!(missed("known once more", "+15550100101").await);
    // A third person is written to when messages are sent again at all.
    assert!(missed("new", "+15550100103").await);
    until("messages are sent again", &worker, async || {
        count(&promoted, "jobs where kind = 'start_outreach' and outcome is not null").await == 4
    })
    .await;
    let people: Vec<_> = whatsapp.accepted().iter().map(|body| body["to"].clone()).collect();
    assert_eq!(people.len(), 3, "{people:?}: {}{}", worker.log(), other.log());
    assert_eq!(count(&promoted, "messages where direction = 'outbound'").await, 3, "what was sent is written down");
    promoted.close().await;
    standby.stop().await.unwrap();
}

/// A message is sent, and Postgres is away until whoever sent it is taken to be gone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_sent_before_a_long_silence_is_said_when_it_ends_and_no_person_is_asked() {
    let whatsapp = WhatsAppStub::start().await;
    whatsapp.approve("missed_call", "en", 0);
    let settings = messages(&whatsapp);
    let day = Day::begin(&settings).await;
    let other = Binary::serve(&day.line.url, &["--only", "work"], &settings).await;
    until("the other one works", &other, async || other.log().contains("working")).await;
    // It is sent, and that cannot be written down.
    let mut holder = day.pool.begin().await.unwrap();
    sqlx::raw_sql("lock table messages in share mode").execute(&mut *holder).await.unwrap();
    let body = json!({ "id": "missed", "status": "no-answer", "agent_id": "agent-1",
        "telephony_data": { "to_number": "+15550109999", "from_number": "+15550100104", "call_type": "inbound" } });
    let sent = day.client.post(&day.webhook_url).json(&body).send().await.unwrap();
    assert_eq!(sent.status(), 200);
    until("it is sent", &day.binary, async || whatsapp.accepted().len() == 1).await;
    day.line.silence_all();
    day.end_connections().await;
    holder.rollback().await.unwrap();
    day.execute("update jobs set lease_until = now(), alive_until = now() where kind = 'start_outreach'").await;
    tokio::time::sleep(Duration::from_secs(15)).await;
    day.line.let_new_through();
    until("it is known what became of it", &day.binary, async || {
        day.number("select count(*) from jobs where kind = 'start_outreach' and outcome is not null").await == 1
    })
    .await;
    let done = day.number("select count(*) from jobs where kind = 'start_outreach' and outcome = 'done'").await;
    assert_eq!(done, 1, "{}{}", day.binary.log(), other.log());
    assert_eq!(day.number("select count(*) from messages where direction = 'outbound'").await, 1);
    assert_eq!(whatsapp.accepted().len(), 1);
    drop(other);
    day.end().await;
}
