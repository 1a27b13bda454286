//! The commands, run as people and scripts run them: the real program, its output and its exit codes.

use std::io::Write;
use std::process::{Output, Stdio};

use serde_json::{Value, json};

use crate::support::{Binary, database_url, drop_database};

/// A database, and commands upon it.
struct Console {
    name: String,
    url: String,
}

impl Console {
    async fn new() -> Self {
        let (name, url) = database_url().await;
        Self { name, url }
    }

    /// Runs a command, given as one line; returns its exit code and what it printed on either stream.
    #[track_caller]
    fn run(&self, line: &str) -> (i32, String) {
        told(&Binary::run(&self.url, &line.split_whitespace().collect::<Vec<_>>()))
    }

    /// What a command that must succeed prints with `--json`.
    #[track_caller]
    fn json(&self, line: &str) -> Value {
        let output = Binary::run(&self.url, &format!("--json {line}").split_whitespace().collect::<Vec<_>>());
        assert!(output.status.success(), "{line}: {}", told(&output).1);
        serde_json::from_slice(&output.stdout).unwrap()
    }

    #[track_caller]
    fn fails(&self, code: i32, line: &str, reason: &str) {
        let (found, text) = self.run(line);
        assert!(found == code && text.contains(reason), "{line}: {found}, {text}");
    }

    #[track_caller]
    fn run_with_input(&self, line: &str, input: &str) -> (i32, String) {
        let mut child = Binary::command(&self.url)
            .args(line.split_whitespace())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        told(&child.wait_with_output().unwrap())
    }
}

fn told(output: &Output) -> (i32, String) {
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output.status.code().unwrap(), text)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_directory_is_filled_and_listed() {
    let console = Console::new().await;
    console.json("tenant add acme --region il");
    console.fails(1, "tenant add acme", "there is a tenant acme already");
    console.fails(2, "tenant add beta --region UK", "ISO 3166");
    console.json("campaign add spring --tenant acme");
    let added = console.json("number add 0500000002 --tenant acme --campaign spring");
    assert_eq!(added["number"], "+972500000002");
    console.fails(1, "number add +972500000002 --tenant acme", "has an owner already");
    console.fails(2, "number add nonsense --tenant acme", "no telephone number");
    console.json("agent add agent-1 --provider retell --tenant acme --campaign spring");
    assert_eq!(console.json("agent list")[0]["campaign"], "spring");
    assert_eq!(console.json("campaign list --tenant acme")[0]["numbers"], 1);
    console.json("number remove +972500000002");
    assert_eq!(console.json("number list"), json!([]));
    let token = console.json("token add --role viewer --tenant acme --expires 90d");
    assert!(token["token"].as_str().unwrap().starts_with("shk_"));
    console.json(&format!("token revoke {}", token["id"].as_str().unwrap()));
    assert_eq!(console.json("token list"), json!([]));
    assert_eq!(console.json("token list --all")[0]["role"], "viewer");
    let token = console.json("token add --role viewer");
    assert!(token["expires_at"].is_string(), "90 days, unless somebody says otherwise");
    assert_eq!(console.json("token add --role viewer --expires never")["expires_at"], json!(null));
    drop_database(&console.name).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_keeps_the_rules_that_pages_and_api_have_for_users_and_tokens() {
    let console = Console::new().await;
    console.json("tenant add acme");
    let (code, text) = console.run_with_input("user add Dana --role agent --tenant acme", "correct horse battery\n");
    assert_eq!(code, 0, "{text}");
    let mut database = <sqlx::PgConnection as sqlx::Connection>::connect(&console.url).await.unwrap();
    let olga = "insert into users (login, role, oidc_issuer, oidc_subject)
                values ('olga@example.com', 'viewer', 'https://id.example.com', '1')";
    sqlx::query(olga).execute(&mut database).await.unwrap();
    let required = || console.json("user list")[0]["second_factor_required"].clone();
    console.json("user require-second-factor DANA");
    assert_eq!(required(), true);
    console.json("user release-second-factor dana");
    assert_eq!(required(), false);
    console.fails(1, "user require-second-factor nobody", "there is no such user");
    console.fails(2, "user require-second-factor olga@example.com", "identity provider");
    let (code, text) = console.run_with_input("user password olga@example.com", "another horse battery\n");
    assert!(code == 2 && text.contains("identity provider"), "{code}, {text}");
    console.fails(2, &format!("token add --role viewer --label {}", "x".repeat(201)), "label: 200 characters");
    console.fails(2, "token add --role viewer --expires 4000d", "3650 days at most");
    let token = console.json("token add --role viewer --tenant acme");
    console.json(&format!("token revoke {}", token["id"].as_str().unwrap()));
    // What somebody of all tenants does to one of a tenant is that tenant's to read.
    let lines: Vec<String> = sqlx::query_scalar(
        "select action || coalesce(' ' || (details->>'required'), '') from operator_log
         where tenant_id is not null and action <> 'add_tenant' order by at",
    )
    .fetch_all(&mut database)
    .await
    .unwrap();
    let wanted = ["add_user", "require_second_factor true", "require_second_factor false", "add_token", "revoke_token"];
    assert_eq!(lines, wanted);
    drop(database);
    drop_database(&console.name).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn people_and_tokens_come_and_go_and_the_log_says_who() {
    let console = Console::new().await;
    console.json("tenant add acme");
    let add = "user add Dana --role agent --tenant acme";
    assert_eq!(console.run_with_input(add, "short\n").0, 2);
    let (code, text) = console.run_with_input(add, "password1234\n");
    assert!(code == 2 && text.contains("easy to guess"), "{text}");
    let (code, text) = console.run_with_input(add, "correct horse battery\n");
    assert!(code == 0 && text.contains("added dana"), "{text}");
    let (code, text) = console.run_with_input(add, "correct horse battery\n");
    assert!(code == 1 && text.contains("somebody has this login name"), "{text}");
    let user = &console.json("user list")[0];
    assert_eq!((&user["login"], &user["role"], &user["tenant"]), (&json!("dana"), &json!("agent"), &json!("acme")));
    let token = console.json("token add --role viewer --label reports");

    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let settings = [("CONSOLE__BIND", port.to_string())];
    let settings: Vec<(&str, &str)> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let service = Binary::serve(&console.url, &["--only", "ingest"], &settings).await;
    let client = crate::support::client_builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let (people, door) = (format!("http://{port}"), &service.base);
    let status = async |url: String| {
        let request = client.get(url).bearer_auth(token["token"].as_str().unwrap());
        request.header("accept", "text/html").send().await.unwrap().status().as_u16()
    };
    // The pages and the API are there alone, and ask who comes; the door and its health are at the other place alone.
    for path in ["/calls", "/sign-in", "/api/v1/calls", "/api/v1/docs"] {
        assert_eq!(status(format!("{people}{path}")).await, 200, "{path}");
        assert_eq!(status(format!("{door}{path}")).await, 404, "{path}");
    }
    for (path, answer) in [("/calls", 303), ("/api/v1/calls", 401)] {
        assert_eq!(client.get(format!("{people}{path}")).send().await.unwrap().status(), answer, "{path}");
    }
    assert_eq!((status(format!("{people}/healthz")).await, status(format!("{door}/healthz")).await), (404, 200));
    let webhook = client.post(format!("{people}/webhooks/retell/main")).body("{}").send().await.unwrap();
    assert_eq!(webhook.status(), 404);

    let sign_in = async |password: &str| {
        let request = client.post(format!("{people}/api/v1/session"));
        let request = request.json(&json!({ "login": "dana", "password": password })).send().await.unwrap();
        (request.status().as_u16(), request.headers().get("set-cookie").map(|set| set.to_str().unwrap().to_owned()))
    };
    let (code, cookie) = sign_in("correct horse battery").await;
    assert_eq!(code, 200);
    let cookie = cookie.unwrap().split(';').next().unwrap().to_owned();
    let asks = async || {
        let request = client.get(format!("{people}/api/v1/calls")).header("cookie", &cookie);
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(asks().await, 200);
    let (code, text) = console.run_with_input("user password DANA", "another horse battery\n");
    assert!(code == 0 && text.contains("dana has another password; 1 session ended"), "{text}");
    assert_eq!((asks().await, sign_in("correct horse battery").await.0), (401, 401));
    assert_eq!(sign_in("another horse battery").await.0, 200);
    console.json("user remove Dana");
    console.fails(1, "user remove dana", "there is no such user");
    assert_eq!((sign_in("another horse battery").await.0, console.json("user list")), (401, json!([])));
    console.json(&format!("token revoke {}", token["id"].as_str().unwrap()));
    console.fails(1, &format!("token revoke {}", token["id"].as_str().unwrap()), "it has ended");
    assert_eq!(status(format!("{people}/api/v1/calls")).await, 401);

    let mut database = <sqlx::PgConnection as sqlx::Connection>::connect(&console.url).await.unwrap();
    let logged: Vec<String> = sqlx::query_scalar(
        "select concat_ws(' ', actor, action, coalesce(details->>'login', details->>'label'))
         from operator_log where actor = 'cli' and (details ? 'user_id' or details ? 'token_id') order by at",
    )
    .fetch_all(&mut database)
    .await
    .unwrap();
    let wanted =
        ["add_user dana", "add_token reports", "set_password dana", "remove_user dana", "revoke_token reports"];
    assert_eq!(logged, wanted.map(|line| format!("cli {line}")));
    drop((service, database));
    drop_database(&console.name).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_has_its_proof_and_shows_no_secret() {
    let console = Console::new().await;
    console.json("tenant add acme");
    let add = "connection add --provider retell --slug main --tenant acme";
    console.fails(2, add, "signs what it sends");
    assert_eq!(console.run_with_input(&format!("{add} --secret-stdin"), "\n").0, 2);
    let (code, text) = console.run_with_input(&format!("{add} --secret-stdin"), "first-secret\n");
    assert!(code == 0 && text.contains("/webhooks/retell/main"), "{text}");
    let secret = "connection secret --provider retell --slug main --secret-stdin --expire-others 24h --json";
    assert_eq!(console.run_with_input(secret, "second-secret").0, 0);
    let url = console.json("connection add --provider bolna --tenant acme");
    let token = url["url"].as_str().unwrap().rsplit('/').next().unwrap();
    assert!(token.len() == 32 && url["url_is_secret"] == true && url["slug"] == "default");
    let (_, listed) = console.run("connection list --json");
    assert!(!listed.contains("-secret\"") && !listed.contains(token), "{listed}");
    assert!(listed.contains("\"live_secrets\": 2") && listed.contains("/webhooks/bolna/(secret)"), "{listed}");
    assert!(listed.contains("\"webhooks_need\": \"secret URL\""), "{listed}");
    console.json("connection disable --provider bolna --slug default");
    assert!(console.json("connection list")[0]["disabled_at"].is_string());
    drop_database(&console.name).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_platform_that_asks_for_a_verify_token_gets_one_and_it_is_shown_once() {
    let console = Console::new().await;
    console.json("tenant add acme");
    let secret = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(secret.path(), "an app secret\n").unwrap();
    let secret = secret.path().display();
    let add = format!("connection add --tenant acme --secret-file {secret}");
    let added = console.json(&format!("{add} --provider whatsapp --slug main"));
    let token = added["verify_token"].as_str().unwrap();
    assert_eq!(token.len(), 32);
    let chosen = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(chosen.path(), "chosen by me alone\n").unwrap();
    let file = format!("--verify-token-file {}", chosen.path().display());
    let (code, text) = console.run(&format!("{add} --provider whatsapp --slug own {file}"));
    assert!(code == 0 && !text.contains("verify token"), "{text}");
    console.fails(2, &format!("{add} --provider retell --slug main {file}"), "retell asks for no verify token");

    let service = Binary::serve(&console.url, &["--only", "ingest"], &[]).await;
    let ask = async |slug: &str, token: &str| {
        let query = format!("hub.mode=subscribe&hub.challenge=0007&hub.verify_token={}", token.replace(' ', "+"));
        let url = format!("{}/webhooks/whatsapp/{slug}?{query}", service.base);
        let answer = crate::support::client().get(url).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    assert_eq!(ask("main", token).await, (200, "0007".to_owned()));
    assert_eq!(ask("own", "chosen by me alone").await, (200, "0007".to_owned()));
    assert_eq!(ask("own", token).await.0, 403);
    let (_, listed) = console.run("connection list --json");
    assert!(listed.contains("\"has_verify_token\": true") && !listed.contains(token), "{listed}");
    let anew = console.json("connection verify-token --provider whatsapp --slug own");
    tokio::time::sleep(std::time::Duration::from_millis(1_200)).await;
    assert_eq!(ask("own", anew["verify_token"].as_str().unwrap()).await.0, 200);
    assert_eq!(ask("own", "chosen by me alone").await.0, 403);
    drop(service);
    drop_database(&console.name).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn setup_adds_what_a_newer_version_knows_and_doctor_misses_a_verify_token() {
    let console = Console::new().await;
    let execute = async |statement: &'static str| {
        let mut database = <sqlx::PgConnection as sqlx::Connection>::connect(&console.url).await.unwrap();
        sqlx::raw_sql(statement).execute(&mut database).await.unwrap();
    };
    drop(Binary::serve(&console.url, &["--setup", "--only", "ingest"], &[]).await);
    let platforms = || console.json("connection list").as_array().unwrap().len();
    let all = platforms();
    execute("delete from connections where provider = 'whatsapp'").await;
    drop(Binary::serve(&console.url, &["--setup", "--only", "ingest"], &[]).await);
    assert_eq!((platforms(), console.json("token list").as_array().unwrap().len()), (all, 1));
    let missing = "whatsapp/default has no verify token";
    assert!(!console.run("doctor --quick").1.contains(missing));
    execute("update connections set verify_token_digest = null").await;
    assert!(console.json("doctor --quick").to_string().contains(missing));
    drop_database(&console.name).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_sent_counted_replayed_skipped_redriven_and_discarded() {
    let console = Console::new().await;
    console.json("tenant add acme");
    console.json("connection add --provider retell --slug main --tenant acme --allow-unsigned --default");
    let service = Binary::serve(&console.url, &["--only", "ingest"], &[]).await;
    let trigger = |event: &str| console.json(&format!("trigger retell {event} --url {}", service.base));
    assert_eq!(trigger("call_started")["outcome"], "accepted");
    assert_eq!(trigger("call_started")["outcome"], "duplicate");
    trigger("call_ended");
    trigger("alert_triggered");
    console.fails(2, "trigger retell nothing", "it has: alert_resolved, alert_triggered");
    for body in ["{}", "{\"event\":\"call_ended\"}"] {
        let request = crate::support::client().post(format!("{}/webhooks/retell/main", service.base));
        assert_eq!(request.header("content-type", "application/json").body(body).send().await.unwrap().status(), 200);
    }
    let stats = console.json("stats");
    assert_eq!((&stats["pending"], &stats["processed"], &stats["dead"]), (&json!(5), &json!(0), &json!(0)));
    assert_eq!(console.json("process"), json!({ "claimed": 5, "processed": 2, "ignored": 1, "failed": 0, "dead": 2 }));
    let stats = console.json("stats");
    assert_eq!((&stats["pending"], &stats["processed"], &stats["ignored"]), (&json!(0), &json!(2), &json!(1)));
    assert_eq!((&stats["dead"], &stats["lag"]["events"]), (&json!(2), &json!(5)));

    console.fails(2, "events replay --yes", "--all");
    console.fails(1, "events replay --all", "say --yes");
    assert_eq!(console.json("events replay --all --dry-run")["matched"], 5);
    assert_eq!(console.json("events replay --type call_started --since 1h --yes")["changed"], 1);
    assert_eq!(console.json("events list --outcome pending")[0]["event_type"], "call_started");
    assert_eq!(console.json("events skip --provider retell --reason test --yes")["changed"], 1);
    let skipped = &console.json("events list --outcome ignored --type call_started")[0];
    assert_eq!(skipped["note"], "skipped by hand: test");
    let show = format!("events show {} --payload", skipped["id"].as_str().unwrap());
    assert_eq!(console.json(&show)["payload"]["event"], "call_started");

    assert_eq!(console.json("dead list --by-cause").as_array().unwrap().len(), 2);
    assert_eq!(console.json("dead redrive --type call_ended --yes")["changed"], 1);
    assert_eq!(console.json("process")["dead"], 1);
    assert_eq!(console.json("dead discard --all --reason test --yes")["changed"], 2);
    assert_eq!((console.json("dead list"), &console.json("stats")["dead"]), (json!([]), &json!(0)));
    assert_eq!(console.json("dead discard --all --yes")["matched"], 0);
    drop(service);
    drop_database(&console.name).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_has_settings_of_its_own_and_jobs_are_operated() {
    let console = Console::new().await;
    console.json("tenant add acme");
    console.json("tenant set acme integrations.whatsapp.template hola");
    console.json("tenant set acme integrations.whatsapp.token s3cret-token");
    console.json("tenant set acme outreach.quiet_hours 22:00,07:30");
    console.json("tenant set acme outreach.delay 5m");
    console.json("tenant set acme time_zone Asia/Jerusalem");
    console.fails(2, "tenant set acme outreach.delya 5m", "did you mean outreach.delay?");
    console.fails(2, "tenant set acme outreach.delay soon", "not a duration");
    console.fails(2, "tenant set acme outreach.reminders 1h,2h,3h", "two at most");
    console.fails(2, "tenant set acme time_zone Mars/Base", "no time zone");
    let shown = console.json("tenant settings acme");
    assert_eq!(shown["integrations"]["whatsapp"], json!({ "template": "hola", "token": "[redacted]" }));
    assert_eq!((&shown["time_zone"], &shown["outreach"]["delay"]), (&json!("Asia/Jerusalem"), &json!("5m")));
    console.json("tenant unset acme integrations.whatsapp.template");
    assert_eq!(console.json("tenant settings acme")["integrations"]["whatsapp"], json!({ "token": "[redacted]" }));

    console.json("connection add --provider retell --slug main --tenant acme --allow-unsigned --default");
    let service = Binary::serve(&console.url, &["--only", "ingest"], &[]).await;
    console.json(&format!("trigger retell 03_call_analyzed_full_phone --url {}", service.base));
    console.json("process");
    console.fails(2, "jobs retry", "say which");
    console.fails(2, "jobs pause nothing", "there are: start_outreach");
    assert_eq!(console.run("jobs pause analyze_call").0, 0);
    assert_eq!(console.json("jobs run")["skipped"], 0);
    assert_eq!(console.json("jobs stats")[0]["paused"], "paused by hand");
    assert_eq!(console.run("jobs resume analyze_call").0, 0);
    assert_eq!(console.json("jobs run")["skipped"], 1);
    let job = &console.json("jobs list --kind analyze_call --state skipped")[0];
    assert!(job["note"].as_str().unwrap().starts_with("dry run"), "{job}");
    let shown = console.run(&format!("jobs show {}", job["id"].as_str().unwrap())).1;
    assert!(shown.contains("would have sent") && shown.contains("OpenAI, model"), "{shown}");
    assert_eq!(console.json("jobs retry --kind analyze_call")["changed"], 1);
    assert_eq!(console.json("jobs cancel --kind analyze_call")["changed"], 1);
    assert_eq!(console.json("jobs list --state cancelled")[0]["note"], "cancelled by hand");
    drop(service);
    drop_database(&console.name).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_and_config_say_what_is_wrong() {
    let console = Console::new().await;
    console.json("tenant add acme");
    console.json("connection add --provider retell --slug open --tenant acme --allow-unsigned");
    let (code, text) = console.run("doctor");
    assert!(code == 0 && text.contains("stores webhooks that nothing verifies"), "{text}");
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "[handlers]\n\"retell/custom\" = \"no_such_function\"\n").unwrap();
    let path = file.path().display();
    console.fails(1, &format!("--config {path} doctor"), "there is no function no_such_function(webhook_events)");
    assert_eq!(console.run(&format!("--config {path} config check")).0, 0);
    std::fs::write(file.path(), "[http]\nbnid = 1\n").unwrap();
    console.fails(2, &format!("--config {path} config check"), "did you mean http.bind?");
    let (_, printed) = console.run("config print");
    assert!(printed.contains("url = \"[redacted]\"") && !printed.contains("postgres://"), "{printed}");
    drop_database(&console.name).await;
    console.fails(1, "doctor", "no such database");
}
