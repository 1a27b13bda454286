//! Any order, any number of times, over any batches and processors: the same rows and jobs.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::DateTime;
use serde_json::Value;

use crate::support::{Dice, Fixture, TestApp, fixtures};

/// All orders of groups up to this size; random ones beyond.
const MAX_EXHAUSTIVE: usize = 5;
/// Random orders of larger groups.
const RANDOM_ORDERS: usize = 60;

/// The samples by platform and the call they are about.
fn calls() -> BTreeMap<(&'static str, String), Vec<Fixture>> {
    let mut calls: BTreeMap<(&'static str, String), Vec<Fixture>> = BTreeMap::new();
    for fixture in fixtures() {
        let subject = fixture.document().envelope.subject.unwrap_or_default();
        calls.entry((fixture.provider.name(), subject)).or_default().push(fixture);
    }
    calls
}

#[tokio::test(flavor = "multi_thread")]
async fn every_order_of_the_events_of_every_call_ends_in_the_same_rows() {
    let app = TestApp::spawn().await;
    app.set_rate("0.9", 6, 10).await;
    let mut dice = Dice::new(7);
    let (mut tried, mut charged) = (0, 0);
    for ((provider, call), group) in calls() {
        if group.len() < 2 {
            continue;
        }
        let calm = run(&app, &group, &mut dice, false).await;
        charged += usize::from(app.value("select exists (select from charges where amount > 0)").await == true);
        for order in orders(group.len(), &mut dice) {
            let shuffled: Vec<Fixture> = order.iter().map(|place| group[*place]).collect();
            let names: Vec<&str> = shuffled.iter().map(|fixture| fixture.name).collect();
            let rows = run(&app, &shuffled, &mut dice, true).await;
            assert_same(&calm, &rows, &format!("{provider} {call} in the order {names:?}"));
            tried += 1;
        }
    }
    assert!(charged > 5, "only {charged} groups cost anything");
    assert!(tried > 150, "only {tried} orders: have the samples of one call been parted?");
}

#[tokio::test(flavor = "multi_thread")]
async fn all_samples_at_once_in_any_order_over_two_processors() {
    let app = TestApp::spawn().await;
    app.set_rate("0.9", 6, 10).await;
    let mut dice = Dice::new(11);
    let mut all = fixtures();
    let calm = run(&app, &all, &mut dice, false).await;
    for round in 0..8 {
        dice.shuffle(&mut all);
        let rows = run(&app, &all, &mut dice, true).await;
        assert_same(&calm, &rows, &format!("round {round}"));
    }
}

/// Inserts the events in this order and works them off. Calmly: one batch, once. Otherwise: in pieces, some of them
/// twice, by two processors at once.
async fn run(app: &TestApp, events: &[Fixture], dice: &mut Dice, wild: bool) -> Value {
    app.clear().await;
    let mut rest = events;
    while !rest.is_empty() {
        let piece = if wild { 1 + dice.below(rest.len()) } else { rest.len() };
        for fixture in &rest[..piece] {
            app.insert(fixture.provider, &fixture.document()).await;
        }
        rest = &rest[piece..];
        if wild {
            if dice.below(2) == 0 {
                app.execute("update webhook_events set processed_at = null where processed_at is not null").await;
            }
            let batch_size = u32::try_from(1 + dice.below(4)).unwrap();
            let (one, two) = (Arc::clone(&app.processor), Arc::clone(&app.processor));
            let (one, two) = tokio::join!(
                tokio::spawn(async move { one.drain(u64::MAX, batch_size).await.unwrap() }),
                tokio::spawn(async move { two.drain(u64::MAX, 2).await.unwrap() }),
            );
            one.unwrap();
            two.unwrap();
        } else {
            app.run_until_idle().await;
        }
    }
    let left = app
        .rows(
            "select jsonb_build_array(event_type, attempts, last_error) from webhook_events where processed_at is null",
        )
        .await;
    assert!(left.is_empty(), "still pending: {left:?}");
    assert_eq!(app.value("select count(*) from event_queue").await, 0);
    settled(app.dump().await)
}

/// Jobs of events that do not say when they happened are due by the time of receipt, which differs from run to run.
fn settled(mut dump: Value) -> Value {
    let this_year = DateTime::parse_from_rfc3339("2026-11-01T00:00:00Z").unwrap();
    for job in dump["jobs"].as_array_mut().unwrap() {
        let due_at = DateTime::parse_from_rfc3339(job["due_at"].as_str().unwrap()).unwrap();
        if due_at > this_year {
            job["due_at"] = Value::String("by receipt".to_owned());
        }
    }
    dump
}

#[track_caller]
fn assert_same(calm: &Value, rows: &Value, what: &str) {
    if calm != rows {
        let pretty = |value: &Value| serde_json::to_string_pretty(value).unwrap();
        let (calm, rows) = (pretty(calm), pretty(rows));
        let first = calm.lines().zip(rows.lines()).find(|(a, b)| a != b);
        panic!("{what}: rows differ, first at {first:?}\n--- calm\n{calm}\n--- this order\n{rows}");
    }
}

/// All orders of a small group, random ones of a large one.
fn orders(n: usize, dice: &mut Dice) -> Vec<Vec<usize>> {
    let mut orders = vec![Vec::new()];
    if n > MAX_EXHAUSTIVE {
        return (0..RANDOM_ORDERS)
            .map(|_| {
                let mut order: Vec<usize> = (0..n).collect();
                dice.shuffle(&mut order);
                order
            })
            .collect();
    }
    for _ in 0..n {
        orders = orders
            .into_iter()
            .flat_map(|order: Vec<usize>| {
                (0..n)
                    .filter(|place| !order.contains(place))
                    .map(|place| [order.clone(), vec![place]].concat())
                    .collect::<Vec<_>>()
            })
            .collect();
    }
    orders
}
