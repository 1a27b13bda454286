//! Every sample of every platform is posted as the platform would, and what it yields is a snapshot.

use serde_json::{Value, json};
use switchhook::providers;

use crate::support::{TestApp, fixtures};

#[tokio::test(flavor = "multi_thread")]
async fn every_sample_yields_its_snapshot() {
    let app = TestApp::spawn().await;
    for fixture in fixtures() {
        app.clear().await;
        let answer = app.post(fixture.provider, fixture.body).await;
        answer.assert_outcome("accepted");
        app.post(fixture.provider, fixture.body).await.assert_outcome("duplicate");
        let report = app.run_until_idle().await;
        assert_eq!(report.claimed, 1, "{}", fixture.name);
        let event = app
            .rows(
                "select jsonb_build_object('type', event_type, 'about', external_event_id, 'occurred_at', occurred_at,
                                           'outcome', outcome, 'note', note, 'last_error', last_error)
                 from webhook_events",
            )
            .await
            .remove(0);
        let answer: Value = match serde_json::from_str::<Value>(&answer.text).unwrap() {
            ours if ours.get("event_id").is_some() => json!("ours"),
            theirs => theirs,
        };
        let snapshot = json!({ "answer": answer, "event": event, "rows": by_receipt(app.snapshot().await) });
        let name = format!("{}__{}", fixture.provider.name(), fixture.name.replace('.', "_"));
        insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
            insta::assert_snapshot!(name, serde_json::to_string_pretty(&snapshot).unwrap());
        });
    }
}

/// Jobs of events without a time of their own are due by the time of receipt.
fn by_receipt(mut rows: Value) -> Value {
    for job in rows.get_mut("jobs").and_then(Value::as_array_mut).into_iter().flatten() {
        if job["due_at"].as_str().unwrap() > "2026-11-01" {
            job["due_at"] = json!("by receipt");
        }
    }
    rows
}

#[test]
fn every_fixture_is_a_sample_and_every_route_has_one() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let mut types = std::collections::BTreeSet::new();
    for provider in providers::ALL {
        let mut files: Vec<String> = std::fs::read_dir(folder.join(provider.name()))
            .unwrap()
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .collect();
        files.sort();
        let mut samples: Vec<&str> = provider.samples().iter().map(|sample| sample.name).collect();
        samples.sort_unstable();
        assert_eq!(files, samples, "{}", provider.name());
    }
    for fixture in fixtures() {
        types.insert((fixture.provider.name().to_owned(), fixture.document().envelope.event_type));
    }
    let registry = providers::registry().build().unwrap();
    for (provider, event_type) in &types {
        assert!(registry.find(provider, event_type).is_some(), "{provider}/{event_type} has a fixture and no route");
    }
    let bare: Vec<String> = registry
        .routes()
        // Results are not sent by anybody; src/providers/switchhook has their tests.
        .filter(|(provider, ..)| *provider != switchhook::inbox::RESULTS_PROVIDER)
        .filter(|(provider, event_type, _)| !types.contains(&((*provider).to_owned(), (*event_type).to_owned())))
        .map(|(provider, event_type, _)| format!("{provider}/{event_type}"))
        .collect();
    assert!(bare.is_empty(), "routes without a fixture: {bare:?}");
}
