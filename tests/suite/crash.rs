//! The real program is killed and its database restarted while events pour in: everything that was answered 200 is
//! there, once, and the rows equal those of a calm run.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sqlx::postgres::PgPoolOptions;
use sqlx::{AssertSqlSafe, PgPool, Row};
use switchhook::clock::Clock;
use switchhook::embedded_postgres::{Cluster, Options};
use switchhook::providers;
use switchhook::redact::Secret;
use uuid::Uuid;

use crate::support::{Binary, Dice, roles};

/// How long events pour in.
const POUR: Duration = Duration::from_secs(14);
/// How long at most, on a machine so busy that too little has happened by then.
const POUR_MAX: Duration = Duration::from_secs(120);
/// Kills, crashes and cuts at least, and events that were answered 200.
const BLOWS_MIN: usize = 6;
const ACCEPTED_MIN: usize = 200;
/// Senders at once.
const SENDERS: usize = 6;

/// How often a tool is called until it says that it is done, at most.
const TOOL_TRIES: usize = 1_000;

/// What a call's events say, and by which platform; the order in which they come must not count.
pub fn bodies(call: usize) -> [(&'static str, String); 4] {
    let number = format!("+1555010{:04}", call % 40);
    let base = json!({ "call_id": format!("call-{call}"), "direction": "inbound", "from_number": number,
        "to_number": "+15550109999", "agent_id": "agent-1", "start_timestamp": 1_788_254_100_000_i64 });
    let with = |event: &str, more: Value| {
        let mut call = base.clone();
        call.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        ("retell", json!({ "event": event, "call": call, "event_timestamp": 1_788_254_190_000_i64 }).to_string())
    };
    let message = json!({ "id": 6_095_823_680_520_192_u64 + call as u64, "direction": "inbound", "from_number": number,
        "to_number": ["+15550109999"], "message_status": "pending", "text": format!("about {call}"),
        "created_date": 1_788_254_170_000_i64, "event_timestamp": 1_788_254_170_000_i64 });
    [
        with("call_started", json!({ "call_status": "ongoing" })),
        with(
            "call_ended",
            json!({ "call_status": "ended", "end_timestamp": 1_788_254_160_000_i64, "duration_ms": 60_000,
            "recording_url": format!("https://recordings.example.com/{call}.wav"),
            "transcript": format!("Agent: hello\nUser: call {call}\n") }),
        ),
        with(
            "call_analyzed",
            json!({ "call_status": "ended", "end_timestamp": 1_788_254_160_000_i64,
            "call_analysis": { "call_summary": format!("about {call}"), "user_sentiment": "Positive" } }),
        ),
        ("dialpad", message.to_string()),
    ]
}

/// A tool that the voice agent calls in this call: of people of their own, since no replay brings back what a tool did.
fn tool(call: usize) -> String {
    json!({ "name": "save_note", "args": { "note": format!("note {call}") }, "call": {
        "call_id": format!("call-{call}"), "direction": "inbound", "from_number": format!("+1555020{:04}", call % 40),
        "to_number": "+15550109999", "agent_name": "Ada", "tool_call_id": format!("tool-{call}") } })
    .to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_answered_200_is_lost_or_doubled_whatever_is_killed() {
    let folder = std::env::temp_dir().join(format!("switchhook-crash-{}", std::process::id()));
    let mut cluster = Cluster::start(Options::throw_away(folder).durable()).await.unwrap();
    let url = cluster.url("postgres");
    roles::prepare(&url).await;
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let settings = [("PROCESSOR__BATCH_SIZE", "20"), ("LOG__LEVEL", "warn"), ("DATABASE__ACQUIRE_TIMEOUT", "1s")];
    let mut binary = Binary::serve_on(port, &url, &["--setup"], &settings).await;
    let pool = PgPoolOptions::new().max_connections(3).connect(&url).await.unwrap();
    let secret = "key_of_the_platform_itself".to_owned();
    for platform in ["retell", "dialpad"] {
        Binary::give_secret(&url, platform, &secret);
    }

    let accepted: Arc<Mutex<HashSet<(usize, usize, Uuid)>>> = Arc::default();
    let noted: Arc<Mutex<HashSet<usize>>> = Arc::default();
    let stop = Arc::new(AtomicBool::new(false));
    let senders: Vec<_> = (0..SENDERS)
        .map(|sender| {
            let (accepted, noted, stop) = (Arc::clone(&accepted), Arc::clone(&noted), Arc::clone(&stop));
            tokio::spawn(pour(sender, binary.base.clone(), secret.clone(), accepted, noted, stop))
        })
        .collect();

    let mut dice = Dice::new(u64::from(std::process::id()));
    let began = Instant::now();
    let (mut kills, mut restarts, mut cuts) = (0_usize, 0_usize, 0_usize);
    let has_enough = |kills: usize, blows: usize| {
        let accepted = accepted.lock().unwrap().len();
        kills > 0 && blows >= BLOWS_MIN && accepted > ACCEPTED_MIN
    };
    while began.elapsed() < POUR || (began.elapsed() < POUR_MAX && !has_enough(kills, kills + restarts + cuts)) {
        tokio::time::sleep(Duration::from_millis(150 + dice.below(900) as u64)).await;
        match dice.below(4) {
            0 | 1 => {
                binary.kill();
                binary = Binary::serve_on(port, &url, &[], &settings).await;
                kills += 1;
            }
            2 => {
                cluster.crash_restart().await.unwrap();
                restarts += 1;
            }
            _ => {
                let cut = "select count(pg_terminate_backend(pid)) from pg_stat_activity where application_name like 'switchhook%'";
                sqlx::raw_sql(cut).execute(&pool).await.ok();
                cuts += 1;
            }
        }
    }
    stop.store(true, Ordering::Relaxed);
    for sender in senders {
        sender.await.unwrap();
    }
    assert!(kills > 0 && kills + restarts + cuts >= BLOWS_MIN, "{kills} kills, {restarts} restarts, {cuts} cuts");

    wait_until_idle(&pool).await;
    let accepted = accepted.lock().unwrap().clone();
    assert!(accepted.len() > ACCEPTED_MIN, "only {} were accepted", accepted.len());
    // Everything that was answered 200 is there under the id that was given, and nothing is there twice.
    for (_, _, id) in &accepted {
        let found: i64 =
            scalar(&pool, &format!("select count(*) from webhook_events where id = '{id}' and outcome = 'processed'"))
                .await;
        assert_eq!(found, 1, "{id}");
    }
    let doubled: i64 = scalar(
        &pool,
        "select count(*) - count(distinct (coalesce(payload #>> '{call,call_id}', payload ->> 'id'), event_type))
         from webhook_events",
    )
    .await;
    assert_eq!(doubled, 0);
    // What the agent was told is done was done once.
    let notes: i64 = scalar(&pool, "select count(*) from lead_notes where body ~ '^note [0-9]+$'").await;
    assert_eq!(notes as usize, noted.lock().unwrap().len());
    let doubled: i64 = scalar(&pool, "select count(*) - count(distinct body) from lead_notes").await;
    assert_eq!(doubled, 0);
    let kept: i64 =
        scalar(&pool, "select least((select count(*) from messages), (select count(*) from recordings))").await;
    assert!(kept > 0, "messages and recordings come along");

    // The calm run: the same events, in order, in one batch, into an empty database.
    let turbulent = rows(&pool).await;
    sqlx::raw_sql("truncate calls, leads, lead_analytics, jobs, messages, recordings; update webhook_events set processed_at = null")
        .execute(&pool)
        .await
        .unwrap();
    wait_until_idle(&pool).await;
    let calm = rows(&pool).await;
    assert_eq!(turbulent.len(), calm.len());
    if let Some((turbulent, calm)) = turbulent.iter().zip(&calm).find(|(a, b)| a != b) {
        panic!("the first row that differs:\n{turbulent}\n{calm}");
    }
    binary.kill();
    pool.close().await;
    cluster.stop().await.unwrap();
}

/// Sends the events of ever new calls, each until it is answered 200, some twice, in a scrambled order.
async fn pour(
    sender: usize,
    base: String,
    secret: String,
    accepted: Arc<Mutex<HashSet<(usize, usize, Uuid)>>>,
    noted: Arc<Mutex<HashSet<usize>>>,
    stop: Arc<AtomicBool>,
) {
    let client = crate::support::client_builder().timeout(Duration::from_secs(6)).build().unwrap();
    let mut dice = Dice::new(sender as u64 + 1);
    let mut call = sender;
    while !stop.load(Ordering::Relaxed) {
        let mut order = vec![0, 1, 2, 3];
        if dice.below(3) == 0 {
            order.push(dice.below(4));
        }
        dice.shuffle(&mut order);
        for place in order {
            let (platform, body) = &bodies(call)[place];
            loop {
                match send(&client, &format!("{base}/webhooks/{platform}"), platform, body, &secret).await {
                    Ok(answer) if answer.status() == 200 => {
                        let id = answer.headers()["switchhook-event"].to_str().unwrap().parse().unwrap();
                        accepted.lock().unwrap().insert((call, place, id));
                        break;
                    }
                    Ok(answer) => assert!(answer.status().is_server_error(), "{}", answer.status()),
                    // The program is dead just now.
                    Err(_) => {}
                }
                tokio::time::sleep(Duration::from_millis(30)).await;
            }
        }
        use_tool(&client, &base, call, &secret).await;
        noted.lock().unwrap().insert(call);
        call += SENDERS;
    }
}

pub async fn send(
    client: &reqwest::Client,
    url: &str,
    platform: &str,
    body: &str,
    secret: &str,
) -> Result<reqwest::Response, reqwest::Error> {
    let platform = providers::find(platform).unwrap();
    let sent = platform.sign(body, Some(&Secret::new(secret.to_owned())), Clock::system().now());
    let mut request = client.post(url).header("content-type", sent.content_type).body(sent.body);
    for (name, value) in sent.headers {
        request = request.header(name, value);
    }
    request.send().await
}

/// As an agent does it: until the answer says that it is done.
pub async fn use_tool(client: &reqwest::Client, base: &str, call: usize, secret: &str) {
    let url = format!("{base}/webhooks/retell/default/function");
    for _ in 0..TOOL_TRIES {
        if let Ok(answer) = send(client, &url, "retell", &tool(call), secret).await
            && let Ok(answer) = answer.json::<Value>().await
            && answer["success"] == true
        {
            return;
        }
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    panic!("the tool of call {call} is never done");
}

async fn rows(pool: &PgPool) -> Vec<Value> {
    let mut rows = Vec::new();
    for (from, columns) in [
        ("calls", "to_jsonb(t) - 'created_at' - 'marks'"),
        ("leads t where phone not like '+1555020%'", "to_jsonb(t) - 'created_at'"),
        ("messages", "to_jsonb(t) - 'created_at'"),
        ("recordings", "to_jsonb(t) - 'created_at'"),
        ("lead_analytics", "to_jsonb(t) - 'created_at' - 'id'"),
        // Which jobs there are: how far each has come is the outbox's own matter.
        ("jobs", "jsonb_build_object('tenant', tenant_id, 'kind', kind, 'key', key, 'payload', payload)"),
    ] {
        let from = if from.contains(' ') { from.to_owned() } else { format!("{from} t") };
        let statement = format!("select {columns} from {from} order by {columns}::text");
        let found = sqlx::raw_sql(AssertSqlSafe(statement)).fetch_all(pool).await.unwrap();
        rows.extend(found.iter().map(|row| row.get::<Value, _>(0)));
    }
    rows
}

pub async fn wait_until_idle(pool: &PgPool) {
    for _ in 0..600 {
        let statement = "select count(*) from webhook_events where processed_at is null";
        if let Ok(row) = sqlx::raw_sql(statement).fetch_one(pool).await
            && row.get::<i64, _>(0) == 0
        {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("still pending after 30 s");
}

async fn scalar<T: for<'r> sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>>(
    pool: &PgPool,
    statement: &str,
) -> T {
    sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).fetch_one(pool).await.unwrap().get(0)
}
