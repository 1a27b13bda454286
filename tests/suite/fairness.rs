//! Fairness, measured in claims: whoever has little to do is not kept waiting by those who have much.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use switchhook::jobs::{Attempt, Desk, Kind, OnUnknown, Policy, Runner};
use switchhook::outbox::{self, Job, Outcome, Settled, Terms};
use switchhook::queue::Backoff;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::support::TestApp;

const QUIET: Uuid = Uuid::from_u128(0xa);
/// Jobs of this kind in hand at most, and those of one tenant.
const ROOM: i64 = 8;
const PER_TENANT: i64 = 2;

async fn put(app: &TestApp, tenant: Uuid, count: usize, minutes_late: i64) {
    app.execute(&format!(
        "insert into jobs (tenant_id, kind, key, due_at)
         select '{tenant}', 'noted', '{tenant}:' || n, '{now}'::timestamptz - {minutes_late} * interval '1 minute'
         from generate_series(1, {count}) n",
        now = app.clock.now().to_rfc3339(),
    ))
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenants_only_job_is_the_next_to_be_claimed_whatever_the_others_have() {
    // More busy ones than there is room for: then it takes its turn among those who have nothing in hand either.
    for (busy, claims) in [(1_u128, 1), (4, 1), (12, 100)] {
        let mut app = TestApp::spawn().await;
        // Their tenants are numbers only.
        app.allow_broken_rows();
        for tenant in 0..busy {
            put(&app, Uuid::from_u128(0x100 + tenant), usize::try_from(5_000 / busy).unwrap(), 60).await;
        }
        let claim = async |most: i64| {
            let terms =
                Terms { lease: Duration::from_secs(60), most, per_tenant: PER_TENANT, is_resent: true, server: None };
            outbox::claim(&app.pool, "noted", Some(app.clock.now()), terms).await.unwrap()
        };
        let mut in_hand = claim(ROOM).await;
        assert_eq!(in_hand.len() as i64, ROOM.min(i64::try_from(busy).unwrap() * PER_TENANT), "{busy} busy ones");
        // It comes last, is due last, and there is no room.
        put(&app, QUIET, 1, 0).await;
        let mut connection = app.pool.acquire().await.unwrap();
        let mut needed = 0;
        while in_hand.iter().all(|job| job.tenant_id != QUIET) {
            let first = in_hand.remove(0);
            let now = Some(app.clock.now());
            assert!(outbox::settle(&mut connection, &first, now, Outcome::Done, &Settled::default()).await.unwrap());
            in_hand.append(&mut claim(1).await);
            needed += 1;
        }
        assert!(needed <= claims, "{needed} claims were needed with {busy} busy ones");
    }
}

/// Notes whose job it begins, and how many of one tenant are in hand at once.
#[derive(Clone, Default)]
struct Noted {
    begun: Arc<Mutex<Vec<Uuid>>>,
    in_hand: Arc<AtomicUsize>,
    most_in_hand: Arc<AtomicUsize>,
}

impl Kind for Noted {
    fn policy(&self) -> Policy {
        Policy {
            name: "noted",
            timeout: Duration::from_secs(5),
            concurrency: ROOM,
            per_tenant: PER_TENANT,
            on_unknown: OnUnknown::Resend,
            retry: Backoff { first: Duration::from_secs(1), longest: Duration::from_secs(60), max_attempts: 3 },
            age_max: Duration::from_secs(3_600),
        }
    }

    fn run<'a>(&'a self, job: &'a Job, _: &'a Desk) -> BoxFuture<'a, Attempt> {
        async move {
            self.begun.lock().unwrap().push(job.tenant_id);
            if job.tenant_id == Uuid::from_u128(0x100) {
                let now = self.in_hand.fetch_add(1, Ordering::SeqCst) + 1;
                self.most_in_hand.fetch_max(now, Ordering::SeqCst);
                // The first stays until the bound is reached, however slow the machine is: else it might never be.
                for _ in 0..400 {
                    if self.most_in_hand.load(Ordering::SeqCst) >= PER_TENANT as usize {
                        break;
                    }
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
            if job.tenant_id == Uuid::from_u128(0x100) {
                self.in_hand.fetch_sub(1, Ordering::SeqCst);
            }
            Attempt::done("noted")
        }
        .boxed()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn runners_side_by_side_keep_to_one_bound_and_to_the_turns() {
    let mut app = TestApp::spawn().await;
    app.allow_broken_rows();
    for tenant in 0..5 {
        put(&app, Uuid::from_u128(0x100 + tenant), 1_000, 60).await;
    }
    let noted = Noted::default();
    let stop = CancellationToken::new();
    let runners: Vec<_> = (0..3)
        .map(|_| {
            let kinds: Vec<Arc<dyn Kind>> = vec![Arc::new(noted.clone())];
            let runner = Runner::new(kinds, Arc::clone(&app.desk), Duration::from_millis(10), Arc::default());
            let stop = stop.clone();
            tokio::spawn(async move { runner.run(stop).await })
        })
        .collect();
    let begun = || noted.begun.lock().unwrap().len();
    while begun() < 60 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    put(&app, QUIET, 1, 0).await;
    let before = begun();
    while !noted.begun.lock().unwrap().contains(&QUIET) {
        assert!(begun() < before + 500, "it waits and waits");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let place = noted.begun.lock().unwrap().iter().position(|tenant| *tenant == QUIET).unwrap();
    stop.cancel();
    for runner in runners {
        runner.await.unwrap();
    }
    // Everybody's place in hand may be taken once more while it is put up.
    assert!(place <= before + 2 * 5 * PER_TENANT as usize, "{} jobs of others came first", place - before);
    let most = noted.most_in_hand.load(Ordering::SeqCst);
    assert_eq!(most, PER_TENANT as usize, "of one tenant, in all runners");
}
