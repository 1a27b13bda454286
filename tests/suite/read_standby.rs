//! Pages, API lists and CSV files from a standby (`database.read_url`): with a real primary and a real standby of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use reqwest::header::COOKIE;
use serde_json::{Value, json};
use switchhook::console::READ_LAG;
use switchhook::{api, dashboard};

use crate::access::id;
use crate::support::roles::url_of_program;
use crate::support::stand::{Read, Stand, read, read_until};
use crate::support::{Binary, client, database_url, drop_database};

/// Two calls.
const ALPHA: u128 = 1;
const OMEGA: u128 = 2;
const CALLS: &str = "/api/v1/calls";
const CAMPAIGNS: &str = "/api/v1/campaigns";

/// The value of a metric.
async fn metric(binary: &Binary, name: &str) -> f64 {
    let text = client().get(format!("{}/metrics", binary.base)).send().await.unwrap().text().await.unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("switchhook_{name} ")).map(str::to_owned));
    line.unwrap_or_else(|| panic!("no {name}: {text}")).parse().unwrap()
}

/// What doctor says with this standby, and whether it fails.
fn doctor(url: &str, read_url: &str, settings: &[(&str, &str)]) -> (String, bool) {
    let mut command = Binary::command(url);
    command.env("SWITCHHOOK__DATABASE__READ_URL", url_of_program(read_url));
    for (name, value) in settings {
        command.env(format!("SWITCHHOOK__{name}"), value);
    }
    let output = command.args(["doctor", "--quick"]).output().unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let line = text.lines().find(|line| line.contains("standby") || line.contains("read_url"));
    let line = line.unwrap_or_else(|| panic!("nothing of the standby: {text}"));
    let fails = line.contains("FAIL") || output.stdout.is_empty();
    (line.trim().to_owned(), fails)
}

async fn add_campaign(binary: &Binary, token: &str, name: &str) {
    let url = format!("{}{CAMPAIGNS}?tenant=default", binary.base);
    let sent = client().post(url).bearer_auth(token).json(&json!({ "name": name })).send().await.unwrap();
    assert_eq!(sent.status(), 200, "{}", sent.text().await.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_lists_and_files_are_read_from_the_standby_and_say_how_far_it_is_behind() {
    let Some(stand) = Stand::start("served").await else { return };
    let binary = stand.serve(&[("DATABASE__READ_LAG", "10m")]).await;
    let token = stand.token("admin");
    stand.add_call(ALPHA).await;
    read_until(&binary, &token, CALLS, |read| read.lag.is_some() && read.text.contains(&id(ALPHA).to_string())).await;
    stand.pause().await;
    stand.add_call(OMEGA).await;
    // As the standby is: the second call is not there.
    let is_old =
        |found: &Read| found.status == 200 && found.lag.is_some() && !found.text.contains(&id(OMEGA).to_string());
    let list = read_until(&binary, &token, CALLS, |read| read.lag.is_some_and(|lag| lag >= 2)).await;
    assert!(is_old(&list) && list.text.contains(&id(ALPHA).to_string()), "{}", list.text);
    let page = read(&binary, &token, "/calls").await;
    assert!(is_old(&page), "{}", page.text);
    let sentence = page.text.split("Read from a standby, ").nth(1).unwrap().split('.').next().unwrap();
    let seconds: u64 = sentence.strip_suffix(" s behind").unwrap().parse().unwrap();
    assert!(seconds >= 2, "{sentence}");
    let file = read(&binary, &token, "/calls.csv").await;
    assert!(is_old(&file), "{}", file.text);
    assert_eq!(file.text.lines().count(), 2, "a head and a call: {}", file.text);
    assert!((metric(&binary, "read_standby_used").await - 1.0).abs() < f64::EPSILON);
    assert!(metric(&binary, "read_standby_lag_seconds").await >= 2.0);
    // What reading leaves behind is on the primary.
    for (action, least) in [("export", 1), ("reveal_list", 1)] {
        let lines = stand.count(&format!("select count(*) from operator_log where action = '{action}'")).await;
        assert!(lines >= least, "{action}: {lines}");
    }
    let exported = "select row_count::bigint from operator_log where action = 'export'";
    assert_eq!(stand.count(exported).await, 1);
    let used = "select count(*) from api_tokens where last_used_at is not null";
    assert_eq!(stand.count(used).await, 1);
    stand.resume().await;
    read_until(&binary, &token, CALLS, |read| read.lag == Some(0) && read.text.contains(&id(OMEGA).to_string())).await;
    let (said, fails) = doctor(&stand.url, &stand.standby_url("postgres"), &[]);
    assert!(said.contains("pages and lists are read from it; 0 s behind") && !fails, "{said}");
    assert!(binary.log().contains("pages and lists are read from the standby"), "{}", binary.log());
    // What decides is read where it is decided, and so are sums that are filled in as somebody asks.
    for path in ["/overview", "/api/v1/overview?tenant=default", "/api/v1/calls/count?tenant=default", "/account"] {
        let found = read(&binary, &token, path).await;
        assert_eq!((found.status, found.lag), (200, None), "{path}: {}", found.text);
    }
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_route_that_a_standby_may_answer_is_answered_by_it() {
    let Some(stand) = Stand::start("routes").await else { return };
    let binary = stand.serve(&[("DATABASE__READ_LAG", "10m")]).await;
    let token = stand.token("admin");
    let tenant = "(select id from tenants where slug = 'default')";
    let connection = "(select id from connections where provider = 'retell')";
    stand
        .execute(&format!(
            "insert into calls (id, tenant_id, provider, provider_call_id, direction, status, initiated_at, contact_number, our_number)
             values ('{}', {tenant}, 'retell', 'c', 'inbound', 'ended', now(), '+15550100123', '+15550100010');
             insert into leads (id, tenant_id, phone, name) values ('{}', {tenant}, '+15550100123', 'Dana');
             insert into campaigns (id, tenant_id, name) values ('{}', {tenant}, 'c');
             insert into webhook_events (id, connection_id, event_type, external_event_id, payload, processed_at, outcome, last_error)
             values ('{}', {connection}, 't', 'e', '{{}}', now(), 'dead', 'x');
             insert into jobs (id, tenant_id, kind, key, due_at, settled_at, outcome)
             values ('{}', {tenant}, 'start_outreach', 'k', now(), now(), 'dead')",
            id(1),
            id(2),
            id(5),
            id(6),
            id(7)
        ))
        .await;
    read_until(&binary, &token, CALLS, |read| read.lag.is_some() && read.text.contains("+15550100123")).await;
    let routes = api::ROUTES.iter().chain(dashboard::ROUTES.iter()).filter(|route| route.reads);
    let mut count = 0;
    for route in routes {
        let of = [("/calls/", 1), ("/leads/", 2), ("/campaigns/", 5), ("/events/", 6), ("/jobs/", 7)];
        let known = of.iter().find(|(part, _)| route.path.contains(part)).map_or(9, |(_, n)| *n);
        let path = route.path.replace("{id}", &id(known).to_string()).replace("{slug}", "default");
        let found = read(&binary, &token, &format!("{path}?tenant=default")).await;
        let found = if found.status == 400 { read(&binary, &token, &path).await } else { found };
        let is_there = known != 9 || !route.path.contains("{id}");
        assert_eq!(found.status, if is_there { 200 } else { 404 }, "{path}: {}", found.text);
        assert!(found.lag.is_some(), "{path} was not read from the standby: {}", found.text);
        count += 1;
    }
    assert!(count > 40, "{count}");
    assert!(metric(&binary, "read_standby_failed").await.abs() < f64::EPSILON, "{}", binary.log());
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_changes_something_reads_it_back_whichever_process_they_ask() {
    let Some(stand) = Stand::start("changes").await else { return };
    let settings = [("DATABASE__READ_LAG", "10m")];
    let (one, other) = (stand.serve(&settings).await, stand.serve(&settings).await);
    let (theirs, anothers) = (stand.token("admin"), stand.token("admin"));
    let signed_in =
        client().post(format!("{}/api/v1/session", one.base)).json(&json!({ "token": theirs })).send().await.unwrap();
    let cookie = signed_in.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let csrf = signed_in.json::<Value>().await.unwrap()["csrf_token"].as_str().unwrap().to_owned();
    for (binary, token) in [(&one, &theirs), (&other, &theirs), (&one, &anothers), (&other, &anothers)] {
        read_until(binary, token, CAMPAIGNS, |read| read.lag.is_some()).await;
    }
    stand.pause().await;
    add_campaign(&one, &theirs, "spring").await;
    for binary in [&one, &other] {
        let found = read(binary, &theirs, CAMPAIGNS).await;
        assert!(found.lag.is_none() && found.text.contains("spring"), "{:?}: {}", found.lag, found.text);
        let others = read(binary, &anothers, CAMPAIGNS).await;
        assert!(others.lag.is_some() && !others.text.contains("spring"), "{:?}: {}", others.lag, others.text);
    }
    // A session, by a form of a page, at the other process.
    let form = [("csrf", csrf.as_str()), ("name", "autumn")];
    let posted = client()
        .post(format!("{}/setup/campaigns", other.base))
        .header(COOKIE, &cookie)
        .form(&form)
        .send()
        .await
        .unwrap();
    assert_eq!(posted.status(), 200, "after the redirect");
    for binary in [&one, &other] {
        let shown =
            client().get(format!("{}/setup/campaigns", binary.base)).header(COOKIE, &cookie).send().await.unwrap();
        assert!(!shown.headers().contains_key(READ_LAG));
        let text = shown.text().await.unwrap();
        assert!(text.contains("spring") && text.contains("autumn"), "{text}");
    }
    stand.resume().await;
    for (binary, token) in [(&one, &theirs), (&other, &theirs), (&one, &anothers)] {
        read_until(binary, token, CAMPAIGNS, |read| read.lag.is_some() && read.text.contains("autumn")).await;
    }
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_that_goes_away_is_an_error_for_nobody() {
    let Some(stand) = Stand::start("gone").await else { return };
    let binary = stand.serve(&[]).await;
    let token = stand.token("admin");
    stand.add_call(ALPHA).await;
    read_until(&binary, &token, CALLS, |read| read.lag.is_some() && read.text.contains(&id(ALPHA).to_string())).await;
    let binary = Arc::new(binary);
    let stop = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = [CALLS, "/calls", "/calls.csv", "/api/v1/leads?tenant=default"]
        .map(|path| {
            let (binary, token, stop) = (Arc::clone(&binary), token.clone(), Arc::clone(&stop));
            tokio::spawn(async move {
                let mut reads = 0_u32;
                while !stop.load(Ordering::Relaxed) {
                    let found = read(&binary, &token, path).await;
                    assert_eq!(found.status, 200, "{path}: {}\n{}", found.text, binary.log());
                    let is_whole = !path.contains("calls") || found.text.contains(&id(ALPHA).to_string());
                    assert!(is_whole, "{path}: {}", found.text);
                    reads += 1;
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                reads
            })
        })
        .into();
    // It is killed; and it is cut off, so that nothing says that it is gone.
    for is_killed in [true, false] {
        match is_killed {
            true => stand.line.shut(),
            false => stand.line.silence_all(),
        }
        read_until(&binary, &token, CALLS, |read| read.lag.is_none()).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(read(&binary, &token, CALLS).await.lag.is_none());
        stand.line.let_new_through();
        read_until(&binary, &token, CALLS, |read| read.lag.is_some()).await;
    }
    stop.store(true, Ordering::Relaxed);
    for reader in readers {
        // A busy machine reads seldom.
        assert!(reader.await.unwrap() >= 3);
    }
    assert!(metric(&binary, "read_standby_failed").await >= 1.0, "somebody was in the middle of a read");
    assert!(binary.log().contains("read from the primary and not from the standby"), "{}", binary.log());
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_standby_of_the_database_is_not_read_from_and_is_named() {
    let Some(stand) = Stand::start("wrong").await else { return };
    let binary = stand.serve(&[]).await;
    let token = stand.token("admin");
    read_until(&binary, &token, CALLS, |read| read.lag.is_some()).await;
    stand.execute("create database empty").await;
    let (name, elsewhere) = database_url().await;
    let same_server = stand.primary_url("postgres").replace("127.0.0.1", "localhost");
    for (read_url, what) in [
        (same_server, "it is no standby: it takes changes"),
        (elsewhere, "it belongs to another cluster"),
        (stand.standby_url("empty"), "it has no tables of Switchhook in schema public"),
        (stand.standby_url("missing"), "it leads to another database"),
        (stand.primary_url("postgres"), "is the same as database.url"),
        (stand.standby_url("postgres").replace("/postgres", ",127.0.0.1:1/postgres"), "one standby is read from"),
    ] {
        let (said, fails) = doctor(&stand.url, &read_url, &[]);
        assert!(said.contains(what) && fails, "{what}: {said}");
    }
    let away = stand.standby_url("postgres").replace(&format!(":{}/", stand.standby_port()), ":1/");
    let (said, fails) = doctor(&stand.url, &away, &[]);
    assert!(said.contains("it cannot be reached") && !fails, "{said}");
    // A standby that is promoted goes ways of its own.
    stand.promote().await;
    read_until(&binary, &token, CALLS, |read| read.lag.is_none()).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(read(&binary, &token, CALLS).await.lag.is_none());
    assert!(binary.log().contains("it is no standby: it takes changes"), "{}", binary.log());
    drop_database(&name).await;
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_that_is_too_far_behind_or_lacks_a_migration_is_not_read_from() {
    let Some(stand) = Stand::start("late").await else { return };
    let binary = stand.serve(&[("DATABASE__READ_LAG", "2s")]).await;
    let token = stand.token("admin");
    read_until(&binary, &token, CALLS, |read| read.lag.is_some()).await;
    stand.pause().await;
    stand.add_call(OMEGA).await;
    let found = read_until(&binary, &token, CALLS, |read| read.lag.is_none()).await;
    assert!(found.text.contains(&id(OMEGA).to_string()), "{}", found.text);
    assert!(binary.log().contains("more than database.read_lag (2 s)"), "{}", binary.log());
    assert!(metric(&binary, "read_standby_used").await.abs() < f64::EPSILON);
    let (said, fails) = doctor(&stand.url, &stand.standby_url("postgres"), &[]);
    assert!(said.contains("is not used") && !fails, "{said}");
    stand.resume().await;
    read_until(&binary, &token, CALLS, |read| read.lag.is_some() && read.text.contains(&id(OMEGA).to_string())).await;
    // The primary is migrated first, and the standby follows.
    stand.pause().await;
    stand.execute("insert into _sqlx_migrations (version, description, success, checksum, execution_time) values (9999, 'x', true, '', 0)").await;
    read_until(&binary, &token, CALLS, |read| read.lag.is_none()).await;
    stand.execute("delete from _sqlx_migrations where version = 9999").await;
    stand.resume().await;
    read_until(&binary, &token, CALLS, |read| read.lag.is_some()).await;
    stand.stop().await;
}
