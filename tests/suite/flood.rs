//! A thousand hostile sockets at once, of eight networks, against the real program: verified webhooks and live answers go
//! on, and the program stays small. Outcomes and memory are asserted, not times; `make bench ARGS="--only flood"` has those.

use std::io::Write;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::json;
use switchhook::clock::Clock;
use switchhook::providers::{self, Outgoing};
use switchhook::redact::Secret;
use tokio::task::JoinSet;

use crate::support::hostile::{self, HOSTILE};
use crate::support::{Binary, database, drop_database, url_of};

const WEBHOOKS: usize = 150;
const QUESTIONS: usize = 50;
const SECRET: &str = "key_0123456789abcdef0123456789abcdef";
/// Between two pieces that one hostile socket sends: the program is not optimised here, and shares its cores with them.
const PAUSE: Duration = Duration::from_millis(300);
const MEMORY_MAX: u64 = 300_000_000;
/// Posts a body as Retell would; the status, and how a question was answered.
async fn send(client: &reqwest::Client, url: &str, body: &str) -> (u16, Option<String>) {
    let retell = providers::find("retell").unwrap();
    let Outgoing { body, content_type, headers } = retell.sign(body, Some(&Secret::new(SECRET)), Clock::system().now());
    let mut request = client.post(url).header("content-type", content_type).body(body);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let answer = request.send().await.unwrap();
    let by = answer.headers().get("switchhook-answer").map(|by| by.to_str().unwrap().to_owned());
    (answer.status().as_u16(), by)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_hostile_sockets_stop_no_webhook_and_no_answer_and_take_little_memory() {
    switchhook::http::Descriptors::raise();
    let (name, pool) = database().await;
    let url = url_of(&name);
    // How fast this machine looks up a caller, with all that goes on beside it, is not the question here.
    let binary = Binary::serve(&url, &["--setup"], &[("LIVE__CALLER_TIMEOUT", "3s")]).await;
    let arguments = ["connection", "secret", "--provider", "retell", "--slug", "default", "--secret-stdin"];
    let mut child = Binary::command(&url)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(SECRET.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());

    let rounds = Arc::new(AtomicU64::new(0));
    let mut hostile = JoinSet::new();
    for number in 0..HOSTILE {
        let (base, rounds) = (binary.base.clone(), Arc::clone(&rounds));
        hostile.spawn(async move {
            loop {
                hostile::attack(&base, number, PAUSE).await;
                rounds.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    let webhooks = async {
        let mut refused = Vec::new();
        for number in 0..WEBHOOKS {
            let body = json!({ "event": "call_started", "call": { "call_id": format!("flood-{number}"),
                               "start_timestamp": 1_788_254_100_000_u64, "transcript": "word ".repeat(number * 40) } });
            // Each comes on a socket of its own, as of a platform that has sent nothing for a while.
            let client = crate::support::client();
            let (status, _) =
                send(&client, &format!("{}/webhooks/retell/default", binary.base), &body.to_string()).await;
            if status != 200 {
                refused.push((number, status));
            }
        }
        refused
    };
    let questions = async {
        let client = crate::support::client();
        let (mut refused, mut fallbacks) = (Vec::new(), 0);
        for number in 0..QUESTIONS {
            let body = json!({ "event": "call_inbound", "call_inbound": { "call_id": format!("question-{number}"),
                               "agent_id": "agent_1", "from_number": "+15550100199", "to_number": "+15550109999" } });
            let url = format!("{}/webhooks/retell/default/inbound", binary.base);
            match send(&client, &url, &body.to_string()).await {
                (200, Some(by)) => fallbacks += usize::from(by == "fallback"),
                (status, _) => refused.push((number, status)),
            }
        }
        (refused, fallbacks)
    };
    let both = async { tokio::join!(webhooks, questions) };
    let (refused_webhooks, (refused_questions, fallbacks)) =
        tokio::time::timeout(Duration::from_secs(50), both).await.expect("they came to an end");
    let megabytes = binary.memory_max() / 1_000_000;
    assert_eq!(refused_webhooks, [], "webhooks that were no 200, of {WEBHOOKS}");
    assert_eq!(refused_questions, [], "questions that were no 200, of {QUESTIONS}");
    assert!(fallbacks <= QUESTIONS / 10, "{fallbacks} of {QUESTIONS} answers were fallbacks");
    assert!(binary.memory_max() < MEMORY_MAX, "{megabytes} MB");
    assert!(rounds.load(Ordering::Relaxed) > 0, "nobody was refused: was there a flood?");
    hostile.shutdown().await;
    let stored: i64 = sqlx::query_scalar("select count(*) from webhook_events where event_type = 'call_started'")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(stored, i64::try_from(WEBHOOKS).unwrap());
    drop(binary);
    pool.close().await;
    drop_database(&name).await;
}
