//! The outbox itself, with a kind of job that does what its payload says: leases, fences, waits, fairness.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use chrono::TimeDelta;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use switchhook::jobs::{Attempt, Desk, Kind, OnUnknown, Policy, Runner};
use switchhook::outbox::operate::{self, Filter};
use switchhook::outbox::{self, Job, NewJob, Terms};
use switchhook::queue::Backoff;
use uuid::Uuid;

use crate::support::TestApp;

const TENANT: Uuid = Uuid::from_u128(1);

/// Does what the payload says, and counts.
struct Scripted {
    on_unknown: OnUnknown,
    timeout: Duration,
    runs: Arc<AtomicUsize>,
    at_once: AtomicUsize,
    most_at_once: Arc<AtomicUsize>,
}

impl Scripted {
    fn new(on_unknown: OnUnknown) -> Self {
        let timeout = Duration::from_millis(300);
        Self { on_unknown, timeout, runs: Arc::default(), at_once: AtomicUsize::new(0), most_at_once: Arc::default() }
    }
}

impl Kind for Scripted {
    fn policy(&self) -> Policy {
        Policy {
            name: "scripted",
            timeout: self.timeout,
            concurrency: 8,
            per_tenant: 2,
            on_unknown: self.on_unknown,
            retry: Backoff { first: Duration::from_secs(1), longest: Duration::from_secs(60), max_attempts: 3 },
            age_max: Duration::from_secs(3_600),
        }
    }

    fn run<'a>(&'a self, job: &'a Job, desk: &'a Desk) -> BoxFuture<'a, Attempt> {
        async move {
            self.runs.fetch_add(1, Ordering::SeqCst);
            let now = self.at_once.fetch_add(1, Ordering::SeqCst) + 1;
            self.most_at_once.fetch_max(now, Ordering::SeqCst);
            let payload = job.payload.expose();
            if payload["begin"] == true {
                assert!(desk.begin(job).await.unwrap());
            }
            tokio::time::sleep(Duration::from_millis(payload["sleep_ms"].as_u64().unwrap_or(0))).await;
            self.at_once.fetch_sub(1, Ordering::SeqCst);
            match payload["do"].as_str().unwrap() {
                "done" => Attempt::done("done"),
                "retry" => Attempt::Retry("not yet".to_owned()),
                "wait" => Attempt::Wait(Duration::from_secs(30), "the vendor asks to wait".to_owned()),
                "unknown" => Attempt::Unknown("no answer".to_owned()),
                "dead" => Attempt::Dead("wrong".to_owned()),
                "refused" => Attempt::Refused("no credentials".to_owned()),
                "panic" => panic!("as scripted"),
                other => unreachable!("{other}"),
            }
        }
        .boxed()
    }
}

fn runner(app: &TestApp, kind: Scripted) -> (Runner, Arc<AtomicUsize>, Arc<AtomicUsize>) {
    let (runs, most) = (Arc::clone(&kind.runs), Arc::clone(&kind.most_at_once));
    let runner = Runner::new(vec![Arc::new(kind)], Arc::clone(&app.desk), Duration::from_millis(10), Arc::default());
    (runner, runs, most)
}

async fn put(app: &TestApp, tenant_id: Uuid, key: &str, payload: &Value) {
    let job = NewJob { tenant_id, kind: "scripted", key, payload, due_at: app.clock.now() };
    outbox::put(&mut app.pool.acquire().await.unwrap(), &[job]).await.unwrap();
}

fn terms(most: i64, per_tenant: i64) -> Terms {
    Terms { lease: Duration::from_secs(60), most, per_tenant, is_resent: true, server: None }
}

async fn job(app: &TestApp, key: &str) -> Value {
    app.rows(&format!("select to_jsonb(j) from jobs j where key = '{key}'")).await.remove(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_verdict_has_its_end() {
    let app = TestApp::spawn().await;
    let (runner, _, _) = runner(&app, Scripted::new(OnUnknown::Resend));
    for what in ["done", "retry", "wait", "unknown", "dead", "refused", "panic"] {
        put(&app, TENANT, what, &json!({ "do": what })).await;
    }
    put(&app, TENANT, "slow", &json!({ "do": "done", "sleep_ms": 5_000 })).await;
    put(&app, TENANT, "panic while sending", &json!({ "do": "panic", "begin": true })).await;
    let report = runner.drain().await.unwrap();
    assert_eq!((report.done, report.dead, report.postponed), (1, 2, 6), "{report:?}");
    let now = app.clock.now();
    for (key, attempts, unknown, least, most) in [
        ("retry", 1, 0, 0, 1),
        ("wait", 0, 0, 30, 30),
        ("unknown", 1, 1, 0, 1),
        ("refused", 0, 0, 900, 900),
        ("slow", 1, 0, 0, 1),
        ("panic while sending", 1, 1, 0, 1),
    ] {
        let job = job(&app, key).await;
        assert_eq!((&job["attempts"], &job["unknown_outcomes"]), (&json!(attempts), &json!(unknown)), "{key}: {job}");
        let due: chrono::DateTime<chrono::Utc> = job["due_at"].as_str().unwrap().parse().unwrap();
        assert!((least..=most).contains(&(due - now).num_seconds()), "{key}: due in {}", due - now);
        assert!(job["sending_at"].is_null() && job["lease_until"].is_null(), "{key}: {job}");
    }
    assert!(job(&app, "panic").await["last_error"].as_str().unwrap().contains("panicked"));
    // Attempts end; waiting that costs none ends with the job's age.
    for _ in 0..140 {
        app.clock.advance(TimeDelta::seconds(31));
        runner.drain().await.unwrap();
    }
    assert_eq!(job(&app, "retry").await["outcome"], "dead");
    assert_eq!(job(&app, "retry").await["attempts"], 2);
    let given_up = job(&app, "wait").await;
    assert!(given_up["last_error"].as_str().unwrap().starts_with("given up, too old"), "{given_up}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_of_unknown_outcome_is_left_to_a_person_where_its_kind_says_so() {
    let app = TestApp::spawn().await;
    let (runner, runs, _) = runner(&app, Scripted::new(OnUnknown::AskAPerson));
    put(&app, TENANT, "no answer", &json!({ "do": "unknown" })).await;
    put(&app, TENANT, "killed", &json!({ "do": "done" })).await;
    // A process that began to send and was killed.
    app.execute(
        "update jobs set sending_at = '2026-11-01', lease_until = '2026-11-01', claims = 1 where key = 'killed'",
    )
    .await;
    assert_eq!(runner.drain().await.unwrap().dead, 2);
    assert_eq!(runs.load(Ordering::SeqCst), 1, "the one that had begun is not begun again");
    for key in ["no answer", "killed"] {
        let job = job(&app, key).await;
        assert!(job["outcome"] == "dead" && job["unknown_outcomes"] == 1, "{job}");
        assert!(job["last_error"].as_str().unwrap().contains("switchhook jobs retry --id"), "{job}");
    }
    // The person has looked, and lets it go again.
    let filter = Filter { key: Some("killed".to_owned()), ..Filter::default() };
    assert_eq!(operate::retry(&app.pool, &filter, Some(app.clock.now())).await.unwrap(), 1);
    assert_eq!(runner.drain().await.unwrap().done, 1);
    assert_eq!(operate::retry(&app.pool, &filter, Some(app.clock.now())).await.unwrap(), 0, "done stays done");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_for_again_and_again_without_an_end_is_dead() {
    let app = TestApp::spawn().await;
    let (runner, runs, _) = runner(&app, Scripted::new(OnUnknown::Resend));
    put(&app, TENANT, "a", &json!({ "do": "done", "begin": true })).await;
    // Attempts that began to send, and were heard of no more: their leases end.
    let mut connection = app.pool.acquire().await.unwrap();
    for _ in 0..5 {
        let claimed = outbox::claim(&app.pool, "scripted", Some(app.clock.now()), terms(1, 1)).await.unwrap().remove(0);
        assert!(outbox::begin(&mut connection, &claimed, Some(app.clock.now())).await.unwrap());
        app.clock.advance(TimeDelta::seconds(61));
    }
    assert_eq!(runner.drain().await.unwrap().dead, 1);
    assert_eq!(runs.load(Ordering::SeqCst), 0, "nobody is asked a sixth time");
    let dead = job(&app, "a").await;
    assert_eq!(dead["unknown_outcomes"], 5);
    assert!(dead["last_error"].as_str().unwrap().starts_with("it was done 5 times, and what came of it could not"));
    // A person lets it go again.
    let filter = Filter { key: Some("a".to_owned()), ..Filter::default() };
    assert_eq!(operate::retry(&app.pool, &filter, Some(app.clock.now())).await.unwrap(), 1);
    assert_eq!((runner.drain().await.unwrap().done, runs.load(Ordering::SeqCst)), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_gives_the_job_back_and_who_lost_it_settles_nothing() {
    let app = TestApp::spawn().await;
    put(&app, TENANT, "a", &json!({ "do": "done" })).await;
    let claim = async || outbox::claim(&app.pool, "scripted", Some(app.clock.now()), terms(10, 10)).await.unwrap();
    let first = claim().await.remove(0);
    assert!(claim().await.is_empty(), "it is leased");
    app.clock.advance(TimeDelta::seconds(61));
    let mut connection = app.pool.acquire().await.unwrap();
    assert!(!outbox::begin(&mut connection, &first, Some(app.clock.now())).await.unwrap(), "its lease has ended");
    let second = claim().await.remove(0);
    let now = Some(app.clock.now());
    let settled = outbox::Settled::default();
    let done = outbox::Outcome::Done;
    assert!(!outbox::settle(&mut connection, &first, now, done, &settled).await.unwrap(), "the fence");
    assert!(!outbox::postpone(&mut connection, &first, app.clock.now(), outbox::Delay::default()).await.unwrap());
    assert!(outbox::settle(&mut connection, &second, now, done, &settled).await.unwrap());
    assert!(!outbox::settle(&mut connection, &second, now, done, &settled).await.unwrap(), "once");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_process_had_in_hand_stands_in_nobodys_way_and_is_not_sent_twice() {
    let app = TestApp::spawn().await;
    for key in ["begun", "claimed", "waiting"] {
        put(&app, TENANT, key, &json!({ "do": "done" })).await;
        app.clock.advance(TimeDelta::milliseconds(1));
    }
    let claim = async || outbox::claim(&app.pool, "scripted", Some(app.clock.now()), terms(10, 2)).await.unwrap();
    let keys = |jobs: &[Job]| jobs.iter().map(|job| job.key.clone()).collect::<std::collections::BTreeSet<_>>();
    let killed = claim().await;
    assert_eq!(keys(&killed), ["begun", "claimed"].map(str::to_owned).into());
    let of = |key: &str| killed.iter().find(|job| job.key == key).unwrap();
    let mut connection = app.pool.acquire().await.unwrap();
    assert!(outbox::begin(&mut connection, of("begun"), Some(app.clock.now())).await.unwrap());
    app.clock.advance(TimeDelta::seconds(15));
    assert!(claim().await.is_empty(), "it may still live, and has as many as its tenant may have");
    let (ids, claims): (Vec<_>, Vec<_>) = killed.iter().map(|job| (job.id, job.claim)).unzip();
    outbox::stay_alive(&app.pool, &ids, &claims, Some(app.clock.now())).await.unwrap();
    app.clock.advance(TimeDelta::seconds(15));
    assert!(claim().await.is_empty(), "it has said that it lives");
    app.clock.advance(TimeDelta::seconds(6));
    // Its lease of a minute lasts for a while.
    let second = claim().await;
    assert_eq!(keys(&second), ["claimed", "waiting"].map(str::to_owned).into(), "what was perhaps sent is left alone");
    assert!(
        !outbox::begin(&mut connection, of("claimed"), Some(app.clock.now())).await.unwrap(),
        "it lived after all, and must not send what is another's"
    );
    outbox::stay_alive(&app.pool, &ids, &claims, Some(app.clock.now())).await.unwrap();
    let (done, settled, now) = (outbox::Outcome::Done, outbox::Settled::default(), Some(app.clock.now()));
    let is_settled = outbox::settle(&mut connection, of("begun"), now, done, &settled).await.unwrap();
    assert!(is_settled, "and what it had sent is settled");
}

#[tokio::test(flavor = "multi_thread")]
async fn as_long_as_a_process_works_on_a_job_it_says_so() {
    let app = TestApp::spawn().await;
    put(&app, TENANT, "long", &json!({ "do": "done", "sleep_ms": 9_000 })).await;
    let kind = Scripted { timeout: Duration::from_secs(30), ..Scripted::new(OnUnknown::AskAPerson) };
    let (runner, _, _) = runner(&app, kind);
    let looking = async {
        let began = std::time::Instant::now();
        while job(&app, "long").await["alive_until"].is_null() {
            assert!(began.elapsed() < Duration::from_secs(5));
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let first = job(&app, "long").await["alive_until"].clone();
        app.clock.advance(TimeDelta::seconds(1));
        while job(&app, "long").await["alive_until"] == first {
            assert!(job(&app, "long").await["settled_at"].is_null(), "it ended, and nothing was said");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let (report, ()) = tokio::join!(runner.drain(), looking);
    assert_eq!(report.unwrap().done, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_tenants_backlog_stands_before_nobody() {
    let mut app = TestApp::spawn().await;
    // Their tenants are numbers only.
    app.allow_broken_rows();
    let (busy, quiet) = (Uuid::from_u128(0xb), Uuid::from_u128(0xa));
    for n in 0..50 {
        put(&app, busy, &format!("busy {n}"), &json!({ "do": "done", "sleep_ms": 20 })).await;
    }
    put(&app, quiet, "quiet", &json!({ "do": "done" })).await;
    let now = Some(app.clock.now());
    let first = outbox::claim(&app.pool, "scripted", now, terms(8, 2)).await.unwrap();
    let of = |tenant: Uuid| first.iter().filter(|job| job.tenant_id == tenant).count();
    assert_eq!((of(busy), of(quiet)), (2, 1), "two of the busy one at once, however long its queue");
    // Where room is scarce, everybody's first comes before anybody's second.
    app.execute("update jobs set lease_until = null").await;
    let scarce = outbox::claim(&app.pool, "scripted", now, terms(2, 2)).await.unwrap();
    assert!(scarce.iter().any(|job| job.tenant_id == quiet));
    app.execute("update jobs set lease_until = null").await;
    let (runner, runs, most) = runner(&app, Scripted::new(OnUnknown::Resend));
    assert_eq!(runner.drain().await.unwrap().done, 51);
    assert_eq!(runs.load(Ordering::SeqCst), 51);
    assert!(most.load(Ordering::SeqCst) <= 3, "two of the one, one of the other");
}

#[tokio::test(flavor = "multi_thread")]
async fn runners_side_by_side_do_each_job_once() {
    let mut app = TestApp::spawn().await;
    // Their tenants are numbers only.
    app.allow_broken_rows();
    for n in 0..60 {
        put(&app, Uuid::from_u128(n % 7), &n.to_string(), &json!({ "do": "done", "sleep_ms": 1 })).await;
    }
    let (a, runs_a, _) = runner(&app, Scripted::new(OnUnknown::Resend));
    let (b, runs_b, _) = runner(&app, Scripted::new(OnUnknown::Resend));
    let (first, second) = tokio::join!(a.drain(), b.drain());
    assert_eq!(first.unwrap().done + second.unwrap().done, 60);
    assert_eq!(runs_a.load(Ordering::SeqCst) + runs_b.load(Ordering::SeqCst), 60);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kind_is_paused_and_a_job_called_off() {
    let app = TestApp::spawn().await;
    let (runner, runs, _) = runner(&app, Scripted::new(OnUnknown::Resend));
    put(&app, TENANT, "a", &json!({ "do": "done" })).await;
    put(&app, TENANT, "b", &json!({ "do": "done" })).await;
    operate::pause(&app.pool, "scripted", "the vendor is down").await.unwrap();
    assert_eq!(runner.drain().await.unwrap().done, 0);
    let filter = Filter { key: Some("a".to_owned()), ..Filter::default() };
    assert_eq!(operate::cancel(&app.pool, &filter, "no longer", Some(app.clock.now())).await.unwrap(), 1);
    assert!(operate::resume(&app.pool, "scripted").await.unwrap());
    assert_eq!(runner.drain().await.unwrap().done, 1);
    assert_eq!((runs.load(Ordering::SeqCst), &job(&app, "a").await["outcome"]), (1, &json!("cancelled")));
}

#[tokio::test(flavor = "multi_thread")]
async fn allowances_are_never_exceeded_by_one() {
    let app = TestApp::spawn().await;
    let day = app.clock.now().date_naive();
    let allowance = outbox::Allowance { tenant_id: TENANT, subject: "messages".to_owned(), day, amount: 1.0 };
    let all = (0..200).map(|_| {
        let (pool, allowance) = (app.pool.clone(), allowance.clone());
        tokio::spawn(async move { outbox::take(&pool, &allowance, 37.0).await.unwrap() })
    });
    let mut taken = 0;
    for one in all.collect::<Vec<_>>() {
        taken += usize::from(one.await.unwrap());
    }
    assert_eq!(taken, 37);
    outbox::give_back(&app.pool, &allowance).await.unwrap();
    assert!(outbox::take(&app.pool, &allowance, 37.0).await.unwrap());
    assert!(!outbox::take(&app.pool, &allowance, 37.0).await.unwrap());
    assert!(
        !outbox::take(&app.pool, &outbox::Allowance { day: day.succ_opt().unwrap(), ..allowance }, 0.5).await.unwrap()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_perhaps_sent_is_counted_and_left_to_whoever_looks() {
    let app = TestApp::spawn().await;
    for key in ["again", "off"] {
        put(&app, TENANT, key, &json!({ "do": "done" })).await;
    }
    // A process that began to send and was killed.
    app.execute("update jobs set sending_at = '2026-11-01', lease_until = '2026-11-01', claims = 1").await;
    let now = Some(app.clock.now());
    let of = |key: &str| Filter { key: Some(key.to_owned()), ..Filter::default() };
    assert_eq!(operate::retry(&app.pool, &of("again"), now).await.unwrap(), 0, "nobody has looked at it");
    assert_eq!(operate::cancel(&app.pool, &of("off"), "no longer", now).await.unwrap(), 1);
    assert_eq!(job(&app, "off").await["unknown_outcomes"], 1);
    // Where it is simply done again, it is counted by whoever takes it up, once, whatever happens then.
    for _ in 0..3 {
        let claimed = outbox::claim(&app.pool, "scripted", Some(app.clock.now()), terms(10, 10)).await.unwrap();
        assert_eq!(claimed.len(), 1);
        app.clock.advance(TimeDelta::seconds(61));
    }
    let again = job(&app, "again").await;
    assert!(again["unknown_outcomes"] == 1 && again["sending_at"].is_null(), "{again}");
}
