//! What a command works with: the configuration, the output, and a database, started if need be.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use anyhow::Context as _;
use sqlx::PgPool;
use uuid::Uuid;

use super::Output;
use crate::access::{Actor, Scope, TenantScope};
use crate::clock::Clock;
use crate::config::Config;
use crate::crypto::{KeyError, Keys, MasterKeys};
use crate::db::Link;
use crate::dispatch::Registry;
use crate::embedded_postgres::{Cluster, Options, find_running};
use crate::integrations::Transport;
use crate::jobs::{self, Desk, Runner};
use crate::live::{self, Live};
use crate::processor::Processor;
use crate::providers::Trace;
use crate::queue::WakeUp;
use crate::redact::Secret;
use crate::telemetry::Metrics;
use crate::{db, providers, spool};

/// How long the connections may take to close when the program ends.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(3);
/// The key file beside the data of a private database.
const KEY_FILE: &str = "master.key";
/// The spool beside them.
const SPOOL_DIR: &str = "spool";

/// What a command works with.
#[derive(Debug)]
pub struct Context {
    /// The configuration.
    pub config: Config,
    /// How to print.
    pub output: Output,
    /// Counts.
    pub metrics: Arc<Metrics>,
    /// Rung by the door.
    pub wake_up: Arc<WakeUp>,
    /// The way to the database.
    pub link: Link,
    /// The file that the configuration was read from, if one was named.
    pub config_file: Option<PathBuf>,
    /// How the database is reached, once it is.
    pub database: db::Settings,
    extend: fn(&mut Registry),
    pool: Option<PgPool>,
    keys: OnceLock<Keys>,
    cluster: Option<Cluster>,
}

impl Context {
    /// Nothing is started yet.
    pub fn new(config: Config, output: Output, extend: fn(&mut Registry)) -> Self {
        let metrics = Arc::new(Metrics::default());
        let link = Link::new(config.database.statement_timeout);
        Self {
            database: config.database.clone(),
            config,
            output,
            metrics,
            wake_up: Arc::default(),
            link,
            config_file: None,
            extend,
            pool: None,
            keys: OnceLock::new(),
            cluster: None,
        }
    }

    /// With the file that the command line names.
    pub fn read_from(self, config_file: Option<PathBuf>) -> Self {
        Self { config_file, ..self }
    }

    /// The command line as an actor: it may do everything, of all tenants.
    pub fn scope(&self) -> Scope {
        Scope::cli(os_user())
    }

    /// The same, for a change of one tenant's.
    pub fn scope_of(&self, tenant_id: Uuid) -> anyhow::Result<TenantScope> {
        self.scope().within(tenant_id).context("the command line sees all tenants")
    }

    /// The same, for what needs no scope.
    pub fn actor(&self) -> Actor {
        self.scope().actor()
    }

    /// Whether the database is a private one of ours.
    pub fn is_embedded(&self) -> bool {
        self.config.database.url.expose().is_empty()
    }

    /// The database: the configured one; else the private one, started if it does not run.
    pub async fn pool(&mut self) -> anyhow::Result<PgPool> {
        if let Some(pool) = &self.pool {
            return Ok(pool.clone());
        }
        let mut settings = self.config.database.clone();
        if self.is_embedded() {
            settings.url = Secret::new(self.embedded_url().await?);
        }
        let pool = db::connect(&settings, &self.link)
            .map_err(|error| anyhow::anyhow!("database.url: {}", db::describe(&error)))?;
        db::prepare(&self.link, &pool, &settings).await?;
        self.database = settings;
        if self.is_embedded() {
            db::migrate(&pool).await.map_err(migration_error)?;
            self.make_key_file(&pool).await?;
        }
        self.pool = Some(pool.clone());
        Ok(pool)
    }

    /// The database, and a schema that fits; an older one is an error that says what to do.
    pub async fn ready_pool(&mut self) -> anyhow::Result<PgPool> {
        let pool = self.pool().await?;
        self.config.database.schema.check(&pool).await?;
        anyhow::ensure!(
            db::is_up_to_date(&pool).await.map_err(|error| anyhow::anyhow!(db::describe(&error)))?,
            "the database's schema is older than this program: run `switchhook migrate`"
        );
        Ok(pool)
    }

    /// The master keys: the configured ones, else those beside the private database. An error says how to make one.
    pub fn keys(&self) -> Result<Keys, KeyError> {
        if let Some(keys) = self.keys.get() {
            return Ok(keys.clone());
        }
        let master = match self.config.secrets.master_keys()? {
            Some(master) => master,
            None if self.is_embedded() => {
                let path = self.key_path();
                MasterKeys::read_if_there(&path)?.ok_or(KeyError::Gone { path: path.display().to_string() })?
            }
            None => return Err(KeyError::Missing),
        };
        Ok(self.keys.get_or_init(|| Keys::new(master)).clone())
    }

    /// With these keys, whatever is configured.
    pub(super) fn with_keys(self, keys: Keys) -> Self {
        Self { keys: keys.into(), ..self }
    }

    /// Makes the key file of a private database that has sealed nothing yet.
    async fn make_key_file(&self, pool: &PgPool) -> anyhow::Result<()> {
        let path = self.key_path();
        let is_configured = self.config.secrets.master_keys()?.is_some();
        if is_configured || path.exists() || Keys::is_sealed(pool).await? {
            return Ok(());
        }
        MasterKeys::make(&path)?;
        tracing::info!(path = %path.display(), "made a master key; keep a copy of it apart from the data");
        Ok(())
    }

    /// Where webhooks are kept while the database cannot take them; `None`: nowhere.
    pub fn spool_settings(&self) -> Option<spool::Settings> {
        let mut settings = self.config.spool.clone();
        if settings.dir.as_os_str().is_empty() {
            if !self.is_embedded() {
                return None;
            }
            settings.dir = self.config.postgres.data_dir.join(SPOOL_DIR);
        }
        settings.dir = std::path::absolute(&settings.dir).unwrap_or(settings.dir);
        Some(settings)
    }

    fn key_path(&self) -> PathBuf {
        let data_dir = &self.config.postgres.data_dir;
        std::path::absolute(data_dir).unwrap_or_else(|_| data_dir.clone()).join(KEY_FILE)
    }

    /// Every handler: those of the platforms, those of the user's program, and the SQL functions of the configuration.
    pub fn registry(&self) -> anyhow::Result<Registry> {
        let mut registry = providers::registry();
        live::register(&mut registry);
        (self.extend)(&mut registry);
        for (key, function) in &self.config.handlers {
            registry.sql_function(key, function);
        }
        for (name, function) in &self.config.functions {
            registry.callable_sql_function(name, function);
        }
        registry.build().context("handlers")
    }

    /// A processor over the database.
    pub async fn processor(&mut self) -> anyhow::Result<Processor> {
        let pool = self.ready_pool().await?;
        self.processor_over(pool)
    }

    /// A processor over this database, whatever state it is in.
    pub fn processor_over(&self, pool: PgPool) -> anyhow::Result<Processor> {
        Ok(Processor {
            pool,
            link: self.link.clone(),
            keys: self.keys()?,
            registry: Arc::new(self.registry()?),
            settings: self.config.processor.clone(),
            outreach: self.config.outreach.clone(),
            default_region: self.config.phones.default_region.clone(),
            metrics: Arc::clone(&self.metrics),
            clock: Clock::system(),
            wake_up: Arc::clone(&self.wake_up),
            seen_unknown: Mutex::new(HashSet::new()),
        })
    }

    /// What is needed to say which event set which field of a call.
    pub fn trace(&self) -> anyhow::Result<Trace> {
        Ok(Trace {
            keys: self.keys()?,
            registry: Arc::new(self.registry()?),
            default_region: self.config.phones.default_region.clone(),
            outreach: self.config.outreach.clone(),
        })
    }

    /// A runner of jobs over this database.
    pub fn runner_over(&self, pool: PgPool) -> anyhow::Result<Runner> {
        let desk = self.desk_over(pool)?;
        Ok(Runner::new(jobs::all(), Arc::new(desk), self.config.jobs.poll_interval, Arc::default()))
    }

    /// What jobs work with.
    pub fn desk_over(&self, pool: PgPool) -> anyhow::Result<Desk> {
        let keys = self.keys()?;
        let opener = keys.clone();
        let config = self.config.clone();
        Ok(Desk {
            pool,
            link: self.link.clone(),
            keys,
            clock: Clock::system(),
            transport: Transport::new(config.jobs.vendor_timeout)?,
            metrics: Arc::clone(&self.metrics),
            overlay: Arc::new(move |own| config.for_tenant(own, &opener).map_err(|error| error.to_string())),
        })
    }

    /// What questions are answered with, over this database.
    pub fn live_over(&self, pool: PgPool) -> anyhow::Result<Live> {
        let keys = self.keys()?;
        let opener = keys.clone();
        let config = self.config.clone();
        Ok(Live::new(
            config.live.clone(),
            pool,
            self.link.clone(),
            keys,
            Arc::new(move |own| config.spoken_for_tenant(own, &opener).map_err(|error| error.to_string())),
            self.config.phones.default_region.clone(),
            Arc::new(self.registry()?),
            Clock::system(),
            Arc::clone(&self.metrics),
        ))
    }

    /// Stops what was started.
    pub async fn close(mut self) -> anyhow::Result<()> {
        if let Some(pool) = self.pool.take() {
            // A server that is gone says no goodbye.
            tokio::time::timeout(CLOSE_TIMEOUT, pool.close()).await.ok();
        }
        if let Some(cluster) = self.cluster.take() {
            cluster.stop().await?;
        }
        Ok(())
    }

    async fn embedded_url(&mut self) -> anyhow::Result<String> {
        let data_dir = std::path::absolute(&self.config.postgres.data_dir)?;
        if let Some(url) = find_running(&data_dir).await {
            return Ok(url);
        }
        let options = Options::keep(data_dir, |line| tracing::info!("{line}"));
        let cluster = Cluster::start(options).await?;
        let url = cluster.url("switchhook");
        self.cluster = Some(cluster);
        Ok(url)
    }
}

/// The operating system's user, looked up once.
fn os_user() -> &'static str {
    static OS_USER: OnceLock<String> = OnceLock::new();
    OS_USER.get_or_init(|| {
        let uid = nix::unistd::getuid();
        let user = nix::unistd::User::from_uid(uid).ok().flatten();
        // A container may run under a number that nobody has named.
        user.map_or_else(|| format!("uid {uid}"), |user| user.name)
    })
}

/// What stopped a migration, without values.
pub(super) fn migration_error(error: db::MigrationError) -> anyhow::Error {
    anyhow::anyhow!("the schema could not be brought up to date: {error}")
}
