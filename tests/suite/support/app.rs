//! The program in a test: the real door on a random port, processors that run when they are told to, a frozen clock.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex};

use actix_web::web::Data;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgPool, Row};
use switchhook::clock::Clock;
use switchhook::config::Config;
use switchhook::console::{Console, Oidc};
use switchhook::crypto::Keys;
use switchhook::db::{self, Link};
use switchhook::dispatch::Registry;
use switchhook::http::{self, Committer, Connections, Door, Draining, Rejections};
use switchhook::integrations::Transport;
use switchhook::jobs::{self, Desk, Runner};
use switchhook::live::Live;
use switchhook::processor::{Processor, Report};
use switchhook::providers::{self, LiveRequests, Outgoing, Provider, Trace};
use switchhook::queue::WakeUp;
use switchhook::redact::Secret;
use switchhook::store::connections;
use switchhook::store::source_tokens::{self, TokenUse};
use switchhook::telemetry::Metrics;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::answer::Answer;
use super::live::live;
use super::tables::{DOMAIN_TABLES, EVENT_TABLES, without_nulls};
use super::{cluster, invariants, keys, leaks, roles};

/// The tenant of every test; its id is fixed, so that the ids of its rows are.
pub const TENANT: Uuid = Uuid::from_u128(1);

pub struct TestApp {
    /// The program's.
    pub pool: PgPool,
    pub keys: Keys,
    /// The test's own, as the owner of everything.
    pub owner: PgPool,
    pub base: String,
    pub clock: Clock,
    pub metrics: Arc<Metrics>,
    pub processor: Arc<Processor>,
    pub runner: Runner,
    pub desk: Arc<Desk>,
    pub client: reqwest::Client,
    pub live: Arc<Live>,
    pub draining: Draining,
    database: String,
    /// Secrets of its settings, which no row may hold.
    secrets: Vec<String>,
    stop: CancellationToken,
    server: actix_web::dev::ServerHandle,
    may_hold_broken_rows: bool,
}

/// The token in the URL of the default source of a platform that signs nothing.
pub fn url_token(provider: &str) -> String {
    format!("url-token-of-{provider}")
}

/// The token of its live requests.
pub fn live_token(provider: &str) -> String {
    format!("live-token-of-{provider}")
}

impl TestApp {
    pub async fn spawn() -> Self {
        Self::spawn_with(&[], providers::registry()).await
    }

    /// With these settings, as environment variables without their prefix, and these handlers.
    pub async fn spawn_with(settings: &[(&str, &str)], registry: Registry) -> Self {
        let (database, owner) = cluster::database().await;
        let url = match roles::program_is_runtime() {
            true => roles::url_as(roles::RUNTIME, &cluster::url_of(&database)),
            false => cluster::url_of(&database),
        };
        Self::spawn_over(database, owner, url, settings, registry).await
    }

    pub(super) async fn spawn_over(
        database: String,
        owner: PgPool,
        url: String,
        settings: &[(&str, &str)],
        mut registry: Registry,
    ) -> Self {
        // A busy machine is slower than a caller may wait; tests of the time itself say what they need.
        let usual = [("HTTP__THREADS", "1"), ("PHONES__DEFAULT_REGION", "IL"), ("LIVE__CALLER_TIMEOUT", "3s")];
        let environment: BTreeMap<String, String> = usual
            .iter()
            .chain(settings)
            .map(|(name, value)| (format!("SWITCHHOOK__{name}"), (*value).to_owned()))
            .collect();
        let config = Config::from_parts(None, &environment).unwrap();
        let clock = Clock::frozen("2026-11-01T12:00:00Z".parse::<DateTime<Utc>>().unwrap());
        let (metrics, wake_up) = (Arc::new(Metrics::default()), Arc::new(WakeUp::new()));
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let link = Link::new(config.database.statement_timeout);
        let database_settings = db::Settings { url: Secret::new(url), max_connections: 8, ..config.database.clone() };
        let pool = db::connect(&database_settings, &link).unwrap();
        let keys = keys::keys();
        keys.load(&pool).await.unwrap();
        let connections = Arc::new(Connections::new(pool.clone(), link.clone(), keys.clone()));
        let (committer, _) = Committer::start(&pool, &link, &config.http, None, &metrics, &wake_up);
        let (rejections, _) = Rejections::start(pool.clone(), keys.clone(), clock.clone(), &config.http);
        switchhook::live::register(&mut registry);
        for (name, function) in &config.functions {
            registry.callable_sql_function(name, function);
        }
        let registry = Arc::new(registry.build().unwrap());
        let live = Arc::new(live(&config, &pool, &link, &registry, &clock, &metrics));
        let draining = Draining::default();
        let door = Door::new(
            config.http.clone(),
            pool.clone(),
            link.clone(),
            Arc::clone(&connections),
            committer,
            rejections,
            Arc::clone(&metrics),
            clock.clone(),
            draining.clone(),
        )
        .answering(Arc::clone(&live));
        let server = http::start(listener, door, {
            let (settings, http) = (config.console.clone(), &config.http);
            let (url, proxies) = (http.base_url(), http.trusted_proxies.clone());
            let oidc = Oidc::new(config.oidc.clone(), &url, clock.clone()).unwrap();
            let console = Console::new(settings, &pool, &link, keys.clone(), clock.clone(), url, proxies);
            let console = console.signing_in_with(oidc);
            let console = Data::new(console.writing_from(config.integrations.whatsapp.phone_number_id.clone()));
            let trace = Data::new(Trace {
                keys: keys.clone(),
                registry: Arc::clone(&registry),
                default_region: config.phones.default_region.clone(),
                outreach: config.outreach.clone(),
            });
            move |config| {
                switchhook::api::routes(config.app_data(trace.clone()), &console);
                switchhook::dashboard::routes(config, &console);
            }
        })
        .unwrap();
        let handle = server.handle();
        tokio::spawn(server);
        let processor = Arc::new(Processor {
            pool: pool.clone(),
            link: link.clone(),
            keys: keys.clone(),
            registry,
            settings: config.processor.clone(),
            outreach: config.outreach.clone(),
            default_region: config.phones.default_region.clone(),
            metrics: Arc::clone(&metrics),
            clock: clock.clone(),
            wake_up,
            seen_unknown: Mutex::new(HashSet::new()),
        });
        let opener = keys.clone();
        let desk = Arc::new(Desk {
            pool: pool.clone(),
            link,
            keys: keys.clone(),
            clock: clock.clone(),
            transport: Transport::new(config.jobs.vendor_timeout).unwrap(),
            metrics: Arc::clone(&metrics),
            overlay: Arc::new(move |own| config.for_tenant(own, &opener).map_err(|error| error.to_string())),
        });
        let runner = Runner::new(jobs::all(), Arc::clone(&desk), std::time::Duration::from_millis(20), Arc::default());
        let app = Self {
            pool,
            keys,
            owner,
            runner,
            desk,
            base,
            clock,
            metrics,
            processor,
            client: crate::support::client(),
            live,
            draining,
            database,
            secrets: leaks::of_settings(&environment),
            stop: CancellationToken::new(),
            server: handle,
            may_hold_broken_rows: false,
        };
        app.add_default_connections().await;
        app
    }

    /// For tests that write rows which no program would.
    pub fn allow_broken_rows(&mut self) {
        self.may_hold_broken_rows = true;
    }

    async fn add_default_connections(&self) {
        self.execute(&format!("insert into tenants (id, slug, name) values ('{TENANT}', 'default', 'Default')")).await;
        for (number, provider) in providers::ALL.iter().enumerate() {
            let id = Uuid::from_u128(100 + number as u128);
            let name = provider.name();
            let url_is_secret = !provider.signs();
            self.execute(&format!(
                "insert into connections (id, tenant_id, provider, slug, url_is_secret, is_default)
                 values ('{id}', '{TENANT}', '{name}', 'default', {url_is_secret}, true)"
            ))
            .await;
            if let Some(secret) = self.secret(*provider) {
                connections::add_secret(&self.owner, &self.keys, id, Uuid::now_v7(), &secret, None).await.unwrap();
            }
            // A platform that signs nothing has a secret URL, and a token for its live requests where it sends any.
            for (usage, token) in [(TokenUse::Webhook, url_token(name)), (TokenUse::Live, live_token(name))] {
                if url_is_secret && (usage == TokenUse::Webhook || provider.live_requests() == LiveRequests::Unsigned) {
                    self.add_token(id, usage, &token).await;
                }
            }
        }
    }

    /// Gives a source this token.
    pub async fn add_token(&self, source_id: Uuid, usage: TokenUse, token: &str) {
        let token = Some(Secret::new(token));
        source_tokens::add(&self.pool, self.keys.digests().unwrap(), source_id, Uuid::now_v7(), usage, token, None)
            .await
            .unwrap();
    }

    /// The secret of a platform's default connection.
    pub fn secret(&self, provider: &dyn Provider) -> Option<Secret> {
        provider.signs().then(|| Secret::new(format!("test-secret-of-{}", provider.name())))
    }

    /// The id of a platform's default connection.
    pub fn connection_id(&self, provider: &str) -> Uuid {
        let place = providers::ALL.iter().position(|known| known.name() == provider).unwrap();
        Uuid::from_u128(100 + place as u128)
    }

    /// Posts a body as its platform would, signed, to its default connection.
    pub async fn post(&self, provider: &dyn Provider, body: &str) -> Answer {
        let name = provider.name();
        let mut sent = provider.sign(body, self.secret(provider).as_ref(), self.clock.now());
        if provider.signs() {
            return self.send(&format!("/webhooks/{name}"), sent).await;
        }
        sent.headers.push(("Authorization".to_owned(), format!("Bearer {}", live_token(name))));
        self.send(&format!("/webhooks/{name}/{}", url_token(name)), sent).await
    }

    /// Sends a request that is made already.
    pub async fn send(&self, path: &str, sent: Outgoing) -> Answer {
        let mut request =
            self.client.post(format!("{}{path}", self.base)).header("content-type", sent.content_type).body(sent.body);
        for (name, value) in sent.headers {
            request = request.header(name, value);
        }
        Self::answer(request).await
    }

    pub async fn answer(request: reqwest::RequestBuilder) -> Answer {
        let response = request.send().await.unwrap();
        let header = |name: &str| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        Answer {
            status: response.status().as_u16(),
            outcome: header("switchhook-outcome"),
            event_id: header("switchhook-event").map(|id| id.parse().unwrap()),
            headers: response.headers().clone(),
            text: response.text().await.unwrap(),
        }
    }

    /// Puts an event into the table as the door would, without the door.
    pub async fn insert(&self, provider: &dyn Provider, document: &providers::Document) -> Uuid {
        let occurred_at = document.envelope.occurred_at;
        sqlx::query_scalar(
            "insert into webhook_events (connection_id, event_type, external_event_id, occurred_at, payload)
             values ($1, $2, $3, $4, $5::text::jsonb)
             on conflict (connection_id, external_event_id) do update set note = null returning id",
        )
        .bind(self.connection_id(provider.name()))
        .bind(&document.envelope.event_type)
        .bind(&document.external_event_id)
        .bind(occurred_at)
        .bind(&document.text)
        .fetch_one(&self.owner)
        .await
        .unwrap()
    }

    /// Works off what is due.
    pub async fn run_until_idle(&self) -> Report {
        self.processor.drain(u64::MAX, 500).await.unwrap()
    }

    /// Works off what is due, events and jobs, until nothing is.
    pub async fn run_everything(&self) -> jobs::Report {
        let mut sum = jobs::Report::default();
        loop {
            self.run_until_idle().await;
            let report = self.runner.drain().await.unwrap();
            if report == jobs::Report::default() {
                return sum;
            }
            sum += report;
        }
    }

    /// Every row of every domain table and every job, whole, but for the time of writing.
    pub async fn dump(&self) -> Value {
        let mut dump = serde_json::Map::new();
        for (table, row) in DOMAIN_TABLES {
            let rows = self.rows(&format!("select {row} from {table} t order by {row}::text")).await;
            dump.insert((*table).to_owned(), Value::Array(rows));
        }
        Value::Object(dump)
    }

    /// The same, for a snapshot: without nulls and audio bytes, empty tables left out.
    pub async fn snapshot(&self) -> Value {
        let mut dump = self.dump().await;
        dump.as_object_mut().unwrap().retain(|_, rows| rows.as_array().is_some_and(|rows| !rows.is_empty()));
        without_nulls(&mut dump);
        dump
    }

    /// The first column of each row, as JSON.
    pub async fn rows(&self, statement: &str) -> Vec<Value> {
        let rows = sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).fetch_all(&self.owner).await.unwrap();
        rows.iter().map(|row| row.get::<Value, _>(0)).collect()
    }

    /// One value, as JSON.
    pub async fn value(&self, expression: &str) -> Value {
        self.rows(&format!("select to_jsonb(x) from (select ({expression}) as x) y")).await.remove(0)
    }

    pub async fn execute(&self, statement: &str) -> u64 {
        sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(&self.owner).await.unwrap().rows_affected()
    }

    /// What the default tenant's minutes cost from now on.
    pub async fn set_rate(&self, per_minute: &str, rounding_seconds: u32, minimum_seconds: u32) {
        self.execute(&format!(
            "insert into tenant_rates (tenant_id, rate_per_minute, currency, rounding_seconds, minimum_seconds)
             values ('{TENANT}', {per_minute}, 'USD', {rounding_seconds}, {minimum_seconds})"
        ))
        .await;
    }

    /// Empties every table that events write.
    pub async fn clear(&self) {
        self.execute(&format!("truncate {}", EVENT_TABLES.join(", "))).await;
    }

    /// Waits, for two seconds at most, until a query returns true.
    pub async fn eventually(&self, condition: &str) {
        for _ in 0..100 {
            if self.value(condition).await == json!(true) {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        panic!("never became true: {condition}");
    }
}

impl Drop for TestApp {
    /// Every query in sql/invariants must return nothing, after every test; and no row may hold a secret in clear.
    fn drop(&mut self) {
        self.stop.cancel();
        let (database, handle, secrets) =
            (self.database.clone(), self.server.clone(), std::mem::take(&mut self.secrets));
        let has_failed = std::thread::panicking();
        let check = !has_failed && !self.may_hold_broken_rows;
        let found = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                drop(handle.stop(false));
                let url = cluster::url_of(&database);
                let mut found = if check { invariants::broken(&url).await } else { Vec::new() };
                if !has_failed {
                    found.extend(leaks::leaked(&url, &secrets).await);
                }
                cluster::drop_database(&database).await;
                found
            })
        })
        .join()
        .unwrap();
        assert!(found.is_empty(), "broken invariants, or secrets in clear: {found:?}");
    }
}
