//! The spool: webhooks that Postgres cannot take are on disk before they are answered, survive the process, and are stored
//! once when it is back.

use std::pin::pin;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::bad_days::{Day, SECONDS};
use crate::support::Binary;

/// What an answer says of its webhook.
fn outcome_of(answer: &reqwest::Response) -> String {
    answer.headers().get("switchhook-outcome").map_or(String::new(), |value| value.to_str().unwrap().to_owned())
}

impl Day {
    /// Sends so many calls at once, and returns what was said of each and how long the longest took.
    async fn send_many(&self, first: u32, count: u32) -> (Vec<String>, Duration) {
        let began = Instant::now();
        let sent = (first..first + count).map(|call| async move {
            let body = json!({ "id": format!("kept-{call}"), "status": "completed", "agent_id": "agent-1",
                "telephony_data": { "to_number": "+15550109999", "from_number": format!("+155502{call:05}"),
                    "call_type": "inbound", "duration": "30" } });
            let sent = self.client.post(&self.webhook_url).json(&body).timeout(Duration::from_secs(20)).send();
            sent.await.map_or_else(
                |error| format!("{error}"),
                |answer| format!("{} {}", answer.status().as_u16(), outcome_of(&answer)),
            )
        });
        let said = futures_util::future::join_all(sent).await;
        (said, began.elapsed())
    }

    async fn kept_calls(&self) -> i64 {
        self.number("select count(*) from calls where provider_call_id like 'kept-%'").await
    }

    async fn wait_for(&self, what: &str, statement: &str, expected: i64) {
        let began = Instant::now();
        while self.number(statement).await != expected {
            assert!(began.elapsed() < SECONDS * 2, "{what}: {}", self.binary.log());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

const KEPT_EVENTS: &str =
    "select count(*) from webhook_events where external_event_id like '%kept-%' and processed_at is not null";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn webhooks_are_kept_while_postgres_is_silent_and_stored_once_when_it_is_back() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().to_str().unwrap();
    let mut day = Day::begin(&[("SPOOL__DIR", dir)]).await;
    day.line.silence_all();
    // The first wait for Postgres, for less than a platform waits; the later ones no more.
    let (said, took) = day.send_many(0, 20).await;
    assert!(said.iter().all(|said| said == "200 spooled"), "{said:?}");
    assert!(took < SECONDS, "{took:?}");
    let (said, took) = day.send_many(20, 200).await;
    assert!(said.iter().all(|said| said == "200 spooled"), "{said:?}");
    println!("200 webhooks were kept in {took:?}");
    let (again, _) = day.send_many(0, 10).await;
    assert!(again.iter().all(|said| said == "200 spooled"), "{again:?}");
    let (status, body) = day.ready().await;
    assert_eq!((status, &body["status"]), (200, &json!("spooling")), "{body}");
    // A crash takes none of it away; the next process finds it, and waits for Postgres like the first.
    day.binary.kill();
    let shown = Binary::command("postgres://localhost")
        .args(["spool", "status", "--json"])
        .env("SWITCHHOOK__SPOOL__DIR", dir)
        .output()
        .unwrap();
    let shown: Value = serde_json::from_slice(&shown.stdout).unwrap();
    assert_eq!((&shown[0]["records"], &shown[0]["is_in_use"]), (&json!(230), &json!(false)), "{shown}");
    day.line.let_new_through();
    day.binary = Binary::serve(&day.line.url, &[], &[("SPOOL__DIR", dir)]).await;
    day.wait_for("the spool is stored", KEPT_EVENTS, 220).await;
    assert_eq!(day.kept_calls().await, 220);
    let early = "select count(*) from webhook_events where external_event_id like '%kept-%' and received_at > now() - interval '1 second'";
    assert_eq!(day.number(early).await, 0, "events keep the time at which they came");
    let left = std::fs::read_dir(folder.path().join("000")).unwrap().count();
    assert_eq!(left, 1, "the lock alone is left");
    day.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_waits_behind_webhooks_that_postgres_does_not_answer() {
    let folder = tempfile::tempdir().unwrap();
    let settings =
        [("SPOOL__DIR", folder.path().to_str().unwrap()), ("HTTP__FLUSHERS", "1"), ("HTTP__ANSWER_TIMEOUT", "4s")];
    let day = Day::begin(&settings).await;
    day.line.silence_open();
    // The first is in the hands of a connection that nobody answers on; those after it have no place there.
    let (first, behind) = {
        let mut first = pin!(day.send_many(0, 1));
        let behind = async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            day.send_many(1, 20).await.0
        };
        tokio::select! {
            biased;
            _ = &mut first => panic!("the first waits for the longest"),
            behind = behind => (first.await.0, behind),
        }
    };
    assert!(behind.iter().chain(&first).all(|said| said == "200 spooled"), "{behind:?}, {first:?}");
    day.wait_for("all is stored, once", KEPT_EVENTS, 21).await;
    day.end().await;
}

/// A webhook is waited for once, however many statements it waits behind.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_waited_for_one_statement_does_not_wait_as_long_for_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let settings =
        [("SPOOL__DIR", folder.path().to_str().unwrap()), ("HTTP__FLUSHERS", "1"), ("HTTP__ANSWER_TIMEOUT", "4s")];
    let day = Day::begin(&settings).await;
    day.execute(
        "create function wait_for_test() returns trigger language plpgsql as $$ begin \
         perform pg_advisory_xact_lock(case when new.external_event_id like '%kept-0%' then 1 else 2 end); \
         return new; end $$",
    )
    .await;
    day.execute(
        "create trigger wait_for_test before insert on webhook_events for each row execute function wait_for_test()",
    )
    .await;
    let mut holder = day.pool.acquire().await.unwrap();
    sqlx::query("select pg_advisory_lock(1), pg_advisory_lock(2)").execute(&mut *holder).await.unwrap();
    let first = day.send_many(0, 1);
    let behind = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        day.send_many(1, 20).await
    };
    let letting = async {
        tokio::time::sleep(Duration::from_millis(2_500)).await;
        sqlx::query("select pg_advisory_unlock(1)").execute(&mut *holder).await.unwrap();
    };
    let ((first, _), (behind, _), ()) = tokio::join!(first, behind, letting);
    assert!(first[0].starts_with("200 "), "{first:?}");
    assert!(behind.iter().all(|said| said == "200 spooled"), "{behind:?}");
    holder.close().await.unwrap();
    day.wait_for("all is stored, once", KEPT_EVENTS, 21).await;
    day.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_spool_is_left_as_soon_as_postgres_takes_webhooks_again() {
    let folder = tempfile::tempdir().unwrap();
    let day = Day::begin(&[("SPOOL__DIR", folder.path().to_str().unwrap())]).await;
    let of = |change: &str| format!("alter database {} {change} default_transaction_read_only", day.database);
    day.execute(&format!("{} = on", of("set"))).await;
    day.end_connections().await;
    let began = Instant::now();
    let mut kept = 0;
    while kept < 300 {
        assert!(began.elapsed() < SECONDS, "{}", day.binary.log());
        let (said, _) = day.send_many(1_000 + kept, 50).await;
        assert!(said.iter().all(|said| said.starts_with("200 ")), "read-only is no reason to refuse: {said:?}");
        kept += 50;
    }
    day.execute(&of("reset")).await;
    day.wait_for("all is stored", KEPT_EVENTS, 300).await;
    let began = Instant::now();
    loop {
        let (said, _) = day.send_many(5_000 + u32::try_from(began.elapsed().as_millis()).unwrap(), 1).await;
        assert!(began.elapsed() < SECONDS, "{said:?}: {}", day.binary.log());
        if said == ["200 accepted"] {
            break;
        }
    }
    assert_eq!(day.number("select count(*) from webhook_events where outcome = 'dead'").await, 0);
    day.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_lies_aside_is_told_of_until_somebody_has_taken_it_away() {
    let folder = tempfile::tempdir().unwrap();
    let aside = folder.path().join("000/set-aside");
    std::fs::create_dir_all(&aside).unwrap();
    let damaged = aside.join("0000000001.damaged");
    std::fs::write(&damaged, "what a disk has made of it").unwrap();
    let settings = [("SPOOL__DIR", folder.path().to_str().unwrap()), ("ALERTS__INTERVAL", "1s")];
    let day = Day::begin(&settings).await;
    let open = "select count(*) from incidents where cause = 'spool' and severity = 'critical' and resolved_at is null";
    day.wait_for("somebody is told", open, 1).await;
    std::fs::remove_file(damaged).unwrap();
    day.wait_for("it is over", open, 0).await;
    day.end().await;
}
