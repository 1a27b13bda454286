//! The real program, twice, over one database: vendors that hang, cut, garble and fail by chance, processes killed at
//! random, database connections cut, leases that end under a worker's hands. Nothing is lost, nobody is written to
//! twice, what is asked twice is counted, and no bound is exceeded or leaks.
//!
//! `SWITCHHOOK_CHAOS_ROUNDS=400` makes it long, `SWITCHHOOK_CHAOS_SEED=…` makes the dice fall again as they fell.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sqlx::postgres::PgPoolOptions;
use sqlx::{AssertSqlSafe, PgPool, Row};

use crate::support::vendors::openai::{API_KEY, MODEL, OpenAiStub};
use crate::support::vendors::whatsapp::{TOKEN, WhatsAppStub};
use crate::support::{Binary, Dice, FlakyLine, database_url, drop_database};

/// Rounds: in each some calls come in, time passes, and something is killed.
const ROUNDS: u64 = 32;
/// Missed calls and conversations of a round.
const MISSED: u64 = 16;
const TALKED: u64 = 8;
/// Of a hundred requests so many go wrong.
const FAULTS_IN_100: u32 = 25;
/// Tenants; the default one is the first.
const TENANTS: u64 = 4;
/// Messages of one tenant in a day, for so many rounds: fewer than there is reason to send.
const CAP: u64 = 90;
/// What one analysis can cost at most with these prices, US dollars: 8,000 tokens written, and what is read.
const ANALYSIS_USD_MAX: f64 = 0.05;
/// How long the rest may take once all is well again.
const CALM: Duration = Duration::from_secs(45);

struct Chaos {
    pool: PgPool,
    url: String,
    settings: Vec<(&'static str, String)>,
    port: u16,
    dice: Dice,
    seed: u64,
    cap: u64,
}

impl Chaos {
    async fn serve(&self) -> Binary {
        Binary::serve_on(self.port, &self.url, &["--setup"], &self.settings()).await
    }

    async fn work(&self) -> Binary {
        Binary::serve_on(0, &self.url, &["--only", "work"], &self.settings()).await
    }

    fn settings(&self) -> Vec<(&str, &str)> {
        self.settings.iter().map(|(name, value)| (*name, value.as_str())).collect()
    }

    async fn execute(&self, statement: &str) {
        sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(&self.pool).await.unwrap();
    }

    async fn rows(&self, statement: &str) -> Vec<Value> {
        let rows = sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).fetch_all(&self.pool).await.unwrap();
        rows.iter().map(|row| row.get::<Value, _>(0)).collect()
    }

    async fn number(&self, expression: &str) -> f64 {
        self.rows(&format!("select to_jsonb(coalesce(({expression}), 0)::float8)")).await[0].as_f64().unwrap()
    }

    /// Waits that were asked for are over; with `leases`, so are all leases, also those of workers that live.
    async fn time_passes(&self, leases: bool) {
        self.execute(
            "update jobs set due_at = now() where settled_at is null and due_at > now() and lease_until is null",
        )
        .await;
        if leases {
            self.execute("update jobs set lease_until = now() where settled_at is null and lease_until > now()").await;
        }
    }

    /// Calls of one round come in, in the database of whichever tenant. Two missed calls of one person follow upon
    /// each other; their number says whose they are.
    async fn calls_come_in(&self, round: u64) {
        self.execute(&format!(
            "insert into webhook_events (connection_id, event_type, external_event_id, payload)
             select c.id, 'call_ended', 'chaos-' || n, jsonb_build_object('event', 'call_ended', 'call', jsonb_build_object(
                 'call_id', 'chaos-' || n, 'direction', 'inbound', 'to_number', '+15550109999',
                 'from_number', '+155501' || lpad((case when n % 24 < {MISSED} then n / 2 else 50000 + n end)::text, 5, '0'),
                 'call_status', case when n % 24 < {MISSED} then 'not_connected' else 'ended' end,
                 'start_timestamp', floor(extract(epoch from now()) * 1000) - 60000,
                 'end_timestamp', floor(extract(epoch from now()) * 1000))
                 || case when n % 24 < {MISSED} then '{{}}' else jsonb_build_object('duration_ms', 60000, 'transcript',
                     'Agent: Good morning, how can I help you?' || chr(10) || 'User: I would like to buy number ' || n) end)
             from generate_series({first}, {first} + 23) n
             join (select id, row_number() over (order by id) - 1 as place from connections where provider = 'retell') c
               on c.place = n / 2 % {TENANTS}",
            first = round * (MISSED + TALKED),
        ))
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_jobs_through_bad_lines_and_sudden_death() {
    let of_environment = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let rounds = of_environment("SWITCHHOOK_CHAOS_ROUNDS").unwrap_or(ROUNDS);
    let seed = of_environment("SWITCHHOOK_CHAOS_SEED").unwrap_or_else(|| u64::from(std::process::id()));
    // Shown where the test fails.
    println!("SWITCHHOOK_CHAOS_SEED={seed} SWITCHHOOK_CHAOS_ROUNDS={rounds}");
    let (whatsapp, openai) = (WhatsAppStub::start().await, OpenAiStub::start().await);
    whatsapp.approve("missed_call", "en", 0);
    let lines =
        [FlakyLine::to(&whatsapp.base_url, seed, true).await, FlakyLine::to(&openai.base_url, seed + 1, false).await];
    let (database, url) = database_url().await;
    let pool = PgPoolOptions::new().max_connections(3).connect(&url).await.unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let cap = CAP * rounds / ROUNDS;
    let settings = vec![
        ("LOG__LEVEL", "warn".to_owned()),
        ("DATABASE__MAX_CONNECTIONS", "8".to_owned()),
        ("JOBS__POLL_INTERVAL", "50ms".to_owned()),
        ("JOBS__VENDOR_TIMEOUT", "400ms".to_owned()),
        ("OUTREACH__DELAY", "1ms".to_owned()),
        ("OUTREACH__REMINDERS", "2s".to_owned()),
        ("OUTREACH__QUIET_HOURS", String::new()),
        ("OUTREACH__PER_TENANT_PER_DAY", cap.to_string()),
        ("INTEGRATIONS__WHATSAPP__BASE_URL", lines[0].base_url.clone()),
        ("INTEGRATIONS__WHATSAPP__TOKEN", TOKEN.to_owned()),
        ("INTEGRATIONS__WHATSAPP__PHONE_NUMBER_ID", "106540352242922".to_owned()),
        ("INTEGRATIONS__WHATSAPP__TEMPLATE", "missed_call".to_owned()),
        ("INTEGRATIONS__OPENAI__BASE_URL", lines[1].base_url.clone()),
        ("INTEGRATIONS__OPENAI__API_KEY", API_KEY.to_owned()),
        ("INTEGRATIONS__OPENAI__MODEL", MODEL.to_owned()),
        ("INTEGRATIONS__OPENAI__TIMEOUT", "400ms".to_owned()),
        ("ANALYSIS__DAILY_BUDGET_USD", "100".to_owned()),
        ("ANALYSIS__INPUT_USD_PER_MILLION", "1.0".to_owned()),
        ("ANALYSIS__OUTPUT_USD_PER_MILLION", "4.0".to_owned()),
        ("ALERTS__INTERVAL", "1s".to_owned()),
    ];
    let mut chaos = Chaos { pool, url, settings, port, dice: Dice::new(seed + 2), seed, cap };
    let (mut serving, mut working) = (chaos.serve().await, chaos.work().await);
    chaos
        .execute(&format!(
            "insert into tenants (slug, name) select 'other-' || n, 'Other' from generate_series(2, {TENANTS}) n;
             insert into connections (provider, slug, tenant_id) select 'retell', slug, id from tenants where slug <> 'default'"
        ))
        .await;
    lines.iter().for_each(|line| line.fail(FAULTS_IN_100));
    let began = Instant::now();
    let mut kills = 0;
    for round in 0..rounds {
        chaos.calls_come_in(round).await;
        tokio::time::sleep(Duration::from_millis(120 + chaos.dice.below(700) as u64)).await;
        let is_long = chaos.dice.below(4) == 0;
        chaos.time_passes(is_long).await;
        match chaos.dice.below(5) {
            0 | 1 => {
                serving.kill();
                chaos.time_passes(true).await;
                serving = chaos.serve().await;
            }
            2 | 3 => {
                working.kill();
                chaos.time_passes(true).await;
                working = chaos.work().await;
            }
            _ => {
                chaos
                    .execute(
                        "select count(pg_terminate_backend(pid)) from pg_stat_activity
                         where application_name like 'switchhook%' and datname = current_database()",
                    )
                    .await;
            }
        }
        kills += 1;
    }
    lines.iter().for_each(|line| line.fail(0));
    let calm = Instant::now();
    serving.kill();
    working.kill();
    chaos.time_passes(true).await;
    let (mut serving, working) = (chaos.serve().await, chaos.work().await);
    let pending = "select count(*) from jobs where settled_at is null";
    let waiting = "select count(*) from webhook_events where processed_at is null";
    while chaos.number(pending).await + chaos.number(waiting).await > 0.0 {
        chaos.time_passes(false).await;
        let left = chaos.rows("select to_jsonb(j) - 'payload' from jobs j where settled_at is null limit 3").await;
        assert!(calm.elapsed() < CALM, "seed {seed}: not settled: {left:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    println!("{kills} rounds in {:?}, calm after {:?}", began.elapsed() - calm.elapsed(), calm.elapsed());
    drop(working);
    chaos.check_jobs(&whatsapp, &openai, rounds).await;
    chaos.check_bounds(&whatsapp).await;
    chaos.check_what_people_see().await;
    println!("{} faults of WhatsApp's line, {} of OpenAI's", lines[0].faults(), lines[1].faults());
    assert!(serving.terminate().success(), "seed {seed}: {}", serving.log());
    chaos.pool.close().await;
    drop_database(&database).await;
}

impl Chaos {
    /// Each job against what the vendors saw of it.
    async fn check_jobs(&self, whatsapp: &WhatsAppStub, openai: &OpenAiStub, rounds: u64) {
        let seed = self.seed;
        let mut sent: BTreeMap<String, u64> = BTreeMap::new();
        for message in whatsapp.accepted() {
            *sent.entry(message["biz_opaque_callback_data"].as_str().unwrap().to_owned()).or_default() += 1;
        }
        let mut asked: BTreeMap<String, u64> = BTreeMap::new();
        for seen in openai.requests().into_iter().filter(|seen| seen.accepted) {
            *asked.entry(seen.body["metadata"]["job"].as_str().unwrap().to_owned()).or_default() += 1;
        }
        let jobs = self
            .rows(
                "select to_jsonb(j) - 'payload' || jsonb_build_object(
                     'messages', (select count(*) from messages m where m.job_id = j.id),
                     'results', (select count(*) from webhook_events e where e.provider = 'switchhook'
                                 and e.outcome = 'processed' and e.external_event_id like '%:' || j.id))
                 from jobs j where kind <> 'send_alert'",
            )
            .await;
        assert!(jobs.len() as u64 >= rounds * (MISSED + 2 * TALKED), "seed {seed}: only {} jobs", jobs.len());
        assert!(rounds < ROUNDS || jobs.len() > 1_000, "seed {seed}: only {} jobs", jobs.len());
        let (mut ends, mut resent) = (BTreeMap::<String, u64>::new(), 0);
        for job in &jobs {
            let (id, unknown) = (job["id"].as_str().unwrap(), job["unknown_outcomes"].as_u64().unwrap());
            let (kind, outcome) = (job["kind"].as_str().unwrap(), job["outcome"].as_str().unwrap());
            *ends.entry(format!("{kind} {outcome}{}", if unknown > 0 { ", once unknown" } else { "" })).or_default() +=
                1;
            assert!(job["lease_until"].is_null() && job["sending_at"].is_null(), "seed {seed}: {job}");
            if kind.starts_with("analyze") {
                let times = asked.get(id).copied().unwrap_or(0);
                assert!(times <= 1 + unknown, "seed {seed}: asked {times} times: {job}");
                assert_eq!((outcome, &job["results"]), ("done", &json!(1)), "seed {seed}: {job}");
                resent += times.saturating_sub(1);
                continue;
            }
            let times = sent.get(id).copied().unwrap_or(0);
            assert!(times <= 1, "seed {seed}: sent {times} times: {job}");
            match (outcome, unknown) {
                ("done", 0) => assert_eq!((times, &job["messages"]), (1, &json!(1)), "seed {seed}: {job}"),
                ("dead", 1) => {
                    assert_eq!(job["messages"], 0, "seed {seed}: {job}");
                    assert!(job["last_error"].as_str().unwrap().contains("nobody knows"), "seed {seed}: {job}");
                }
                ("skipped" | "cancelled", 0) => assert_eq!(times, 0, "seed {seed}: {job}"),
                _ => panic!("seed {seed}: an end that should not be: {job}"),
            }
        }
        println!("{ends:#?}\n{resent} analyses were asked for again");
        // However many calls somebody missed and whatever broke: one first message.
        let per_person = "select max(n) from (select count(*) as n from jobs j join calls c on c.id = (j.payload ->> 'call_id')::uuid
            where j.kind = 'start_outreach' and (j.outcome = 'done' or j.unknown_outcomes > 0)
            group by c.tenant_id, c.contact_number) x";
        assert_eq!(self.number(per_person).await, 1.0, "seed {seed}");
    }

    /// What was used of the caps and the budget, against what was sent and what it cost.
    async fn check_bounds(&self, whatsapp: &WhatsAppStub) {
        let seed = self.seed;
        let accepted = whatsapp.accepted().len() as f64;
        let used = self.number("select sum(used) from allowances where subject = 'messages'").await;
        let possible = self
            .number(
                "select count(*) from jobs where kind in ('start_outreach', 'send_reminder')
                 and (outcome = 'done' or unknown_outcomes > 0)",
            )
            .await;
        assert!(accepted <= used, "seed {seed}: {accepted} messages were sent, {used} were counted");
        assert!(used <= possible, "seed {seed}: {used} were counted, {possible} can have been sent: a leak");
        let most = self.number("select max(used) from allowances where subject = 'messages'").await;
        assert!(most <= self.cap as f64, "seed {seed}: {most} messages of one tenant in one day");
        let refused =
            self.number("select count(*) from jobs where note = 'the tenant''s messages of a day are used up'").await;
        assert!(refused > 0.0, "seed {seed}: the cap was never reached");
        let to_one = self.number("select max(used) from allowances where subject like 'messages:%'").await;
        assert!(to_one <= 2.0, "seed {seed}: {to_one} messages to one person");
        let spent = self.number("select sum(used) from allowances where subject = 'analysis_usd'").await;
        let cost = self
            .number("select sum((payload ->> 'cost_usd')::numeric) from webhook_events where provider = 'switchhook'")
            .await;
        let unknown = self.number("select sum(unknown_outcomes) from jobs where kind like 'analyze%'").await;
        assert!(spent > cost - 1e-9, "seed {seed}: {spent} counted, {cost} spent");
        assert!(
            spent < cost + unknown * ANALYSIS_USD_MAX,
            "seed {seed}: {spent} counted, {cost} spent, {unknown} unknown"
        );
    }

    /// The tables agree with each other, and a person finds what they must decide.
    async fn check_what_people_see(&self) {
        let seed = self.seed;
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("sql/invariants");
        for file in std::fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            let statement = AssertSqlSafe(std::fs::read_to_string(&path).unwrap());
            let found = sqlx::raw_sql(statement).fetch_all(&self.pool).await.unwrap();
            assert!(found.is_empty(), "seed {seed}: {}: {} rows", path.display(), found.len());
        }
        let unknown = self
            .number(
                "select count(*) from jobs where kind in ('start_outreach', 'send_reminder') and unknown_outcomes > 0",
            )
            .await;
        let shown = Binary::run(&self.url, &["jobs", "list", "--state", "dead", "--limit", "100000", "--json"]);
        let shown = String::from_utf8(shown.stdout).unwrap();
        let asks = shown.matches("nobody knows whether it was sent").count();
        assert!(unknown > 0.0 && asks as f64 == unknown, "seed {seed}: {unknown} unknown, {asks} shown");
        let incidents = self.number("select count(*) from incidents where cause = 'dead_jobs'").await;
        assert!(incidents > 0.0, "seed {seed}: nobody was told of dead jobs");
    }
}
