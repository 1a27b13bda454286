//! A failover under load: the primary dies, the standby is promoted, and the program goes on with it.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::json;
use sqlx::postgres::PgPoolOptions;
use switchhook::embedded_postgres::{Cluster, Options};
use uuid::Uuid;

use crate::bad_days::SECONDS;
use crate::support::{Binary, client, roles};

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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_failover_the_promoted_standby_is_used_and_has_all_that_was_answered_200() {
    let folder = std::env::temp_dir().join(format!("switchhook-failover-{}", std::process::id()));
    let cluster = Cluster::start(Options::throw_away(folder).durable()).await.unwrap();
    let url = cluster.url("postgres");
    roles::prepare(&url).await;
    let standby_folder = std::env::temp_dir().join(format!("switchhook-standby-{}", std::process::id()));
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let standby = cluster.standby(Options::throw_away(standby_folder).durable(), free).await.unwrap();
    let standby_url = standby.url("postgres");
    let primary = PgPoolOptions::new().max_connections(1).connect(&url).await.unwrap();
    // What is answered is on both.
    sqlx::raw_sql("alter system set synchronous_standby_names = '*'").execute(&primary).await.unwrap();
    sqlx::raw_sql("select pg_reload_conf()").execute(&primary).await.unwrap();
    let port = |url: &str| url.parse::<reqwest::Url>().unwrap().port().unwrap();
    let both = format!(
        "{}?target_session_attrs=read-write",
        url.replace(
            &format!("127.0.0.1:{}", port(&url)),
            &format!("127.0.0.1:{},127.0.0.1:{}", port(&standby_url), port(&url))
        )
    );
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
