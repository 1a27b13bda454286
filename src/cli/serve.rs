//! `serve`: the door and the processors, until told to stop.

use std::net::TcpListener;
use std::process::ExitCode;
use std::sync::Arc;

use actix_web::web::{Data, ServiceConfig};
use anyhow::Context as _;
use clap::ValueEnum;
use tokio_util::sync::CancellationToken;

use super::interrupts::{Interrupts, Told};
use super::work::Work;
use super::{Context, setup};
use crate::admin::secrets;
use crate::clock::Clock;
use crate::config::Config;
use crate::console::{Console, Oidc};
use crate::crypto::{KeyError, Keys};
use crate::db::{SchemaError, Standby};
use crate::http::{self, Committer, Connections, Descriptors, Door, Draining, Rejections};
use crate::providers::Trace;
use crate::spool::{Drain, Spool};
use crate::{api, dashboard, db};

/// Connections of the endpoint beside those for webhooks: one for the sources, one for what is refused, one for the spool.
const INGEST_CONNECTIONS: u32 = 3;

/// What is served.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only one half: take webhooks in, or work them off
    #[arg(long, value_name = "HALF")]
    only: Option<Half>,
    /// Migrate first; in an empty database add the tenant `default` with one connection a platform, and say how to
    /// use them
    #[arg(long)]
    setup: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Half {
    /// Take webhooks in
    Ingest,
    /// Work them off
    Work,
}

pub(super) async fn run(args: Args, context: &mut Context) -> anyhow::Result<ExitCode> {
    let mut interrupts = Interrupts::new(context)?;
    let pool = context.pool().await?;
    let keys = context.keys()?;
    if args.setup {
        setup::run(context, &pool).await?;
    }
    let is_up_to_date = db::is_up_to_date(&pool).await;
    if is_up_to_date.is_ok()
        && let Err(error @ SchemaError::Another { .. }) = context.config.database.schema.check(&pool).await
    {
        return Err(error.into());
    }
    match is_up_to_date {
        Ok(true) => match keys.load(&pool).await {
            Err(error) if KeyError::of(&error).is_some() => return Err(error.into()),
            Err(_) => {}
            // All sealed values are looked at: webhooks do not wait for that.
            Ok(_) => drop(tokio::spawn(report_missing_keys(keys.clone(), pool.clone()))),
        },
        Ok(false) => anyhow::bail!("the database's schema is older than this program: run `switchhook migrate`"),
        // The database may come later; until then the door says 503.
        Err(error) => tracing::warn!(error = %db::describe(&error), "the database cannot be reached yet"),
    }
    let stop_probe = CancellationToken::new();
    let probe =
        tokio::spawn(db::probe(context.link.clone(), pool.clone(), context.database.clone(), stop_probe.clone()));
    let mut work = Work::default();
    let spool = if args.only == Some(Half::Work) { None } else { spool(context, &keys)? };
    // Also where nobody works: that is what must be told of.
    work.watch(context, &pool, spool.clone())?;
    if args.only != Some(Half::Ingest) {
        work.start(context, &pool)?;
    }
    let result = if args.only == Some(Half::Work) {
        tracing::info!(workers = context.config.processor.workers, "working");
        interrupts.first_or_wrong_key(&keys, &pool, &context.link).await.map(|_| ())
    } else {
        ingest(context, &keys, pool, spool, &mut interrupts).await
    };
    tracing::info!("stopping: finishing the batches and jobs in hand");
    work.stop().await;
    stop_probe.cancel();
    probe.await.ok();
    tracing::info!("stopped");
    result.map(|()| ExitCode::SUCCESS)
}

/// Opens the door, and returns once it is closed and everything that was answered is on disk.
async fn ingest(
    context: &Context,
    keys: &Keys,
    pool: sqlx::PgPool,
    spool: Option<Spool>,
    interrupts: &mut Interrupts,
) -> anyhow::Result<()> {
    let settings = context.config.http.clone();
    let listener = TcpListener::bind(settings.bind)
        .with_context(|| format!("cannot listen on {} (http.bind, SWITCHHOOK__HTTP__BIND)", settings.bind))?;
    let bind = listener.local_addr()?;
    let mut tasks = Work::default();
    let own = ingest_pool(&pool, context, &settings);
    let connections = Arc::new(Connections::new(own.clone(), context.link.clone(), keys.clone()));
    tasks.keep("sources", {
        let connections = Arc::clone(&connections);
        move |stop| {
            let connections = Arc::clone(&connections);
            async move { connections.run(stop).await }
        }
    });
    let (committer, flusher) =
        Committer::start(&own, &context.link, &settings, spool.as_ref(), &context.metrics, &context.wake_up);
    if let Some(drain) = drain(context, keys, spool.clone(), &own) {
        let drain = Arc::new(drain);
        tasks.keep("spool", move |stop| {
            let drain = Arc::clone(&drain);
            async move { drain.run(stop).await }
        });
    }
    let (rejections, rejections_writer) = Rejections::start(own, keys.clone(), Clock::system(), &settings);
    let live = Arc::new(context.live_over(pool.clone())?);
    tasks.keep("live", {
        let live = Arc::clone(&live);
        move |stop| {
            let live = Arc::clone(&live);
            async move { live.run(stop).await }
        }
    });
    raise_descriptors();
    let draining = Draining::default();
    let (shutdown_timeout, drain_delay) = (settings.shutdown_timeout, settings.drain_delay);
    let door = Door::new(
        settings,
        pool.clone(),
        context.link.clone(),
        connections,
        committer,
        rejections,
        Arc::clone(&context.metrics),
        Clock::system(),
        draining.clone(),
    )
    .answering(live)
    .spooling(spool);
    let networks = door.networks();
    let (people, console_bind) = (console(context, keys, &pool)?, context.config.console.bind);
    if let Some(standby) = people.standby().cloned() {
        let (pool, link) = (pool.clone(), context.link.clone());
        tasks.keep("standby", move |stop| standby.clone().watch(pool.clone(), link.clone(), stop));
    }
    let trace = Data::new(context.trace()?);
    let server = http::start(listener, door, {
        let (people, trace) = (people.clone(), trace.clone());
        move |config| match console_bind {
            None => people_routes(config, &people, &trace),
            Some(_) => drop(config.app_data(people.clone())),
        }
    })?;
    let handle = server.handle();
    let server = tokio::spawn(server);
    let link = context.link.clone();
    let beside = match console_bind {
        None => None,
        Some(bind) => {
            let listener =
                TcpListener::bind(bind).with_context(|| format!("cannot listen on {bind} (console.bind)"))?;
            tracing::info!(bind = %listener.local_addr()?, "listening for the API and the pages");
            let server =
                http::start_console(listener, &context.config.http, networks, link, Clock::system(), move |config| {
                    people_routes(config, &people, &trace)
                })?;
            let handle = server.handle();
            tokio::spawn(server);
            Some(handle)
        }
    };
    tracing::info!(%bind, "listening");
    let result = interrupts.first_or_wrong_key(keys, &pool, &context.link).await;
    draining.begin();
    if let Ok(Told::Terminate) = result {
        // Balancers ask /readyz now and then, and send requests until it says so.
        tracing::info!(wait = ?drain_delay, "told to stop: not ready any more, and serving until balancers have noticed");
        tokio::time::sleep(drain_delay).await;
    }
    if let Some(beside) = beside {
        tokio::spawn(beside.stop(true));
    }
    tracing::info!("stopping: no new connections, finishing the requests in flight");
    handle.stop(true).await;
    server.await??;
    let rest = async {
        tasks.stop().await;
        flusher.await.ok();
        rejections_writer.await.ok();
    };
    if tokio::time::timeout(shutdown_timeout, rest).await.is_err() {
        tracing::warn!("not everything could be written in time; what was answered 200 is on disk");
    }
    result.map(|_| ())
}

/// Where webhooks are kept while the database cannot take them.
fn spool(context: &Context, keys: &Keys) -> anyhow::Result<Option<Spool>> {
    let Some(settings) = context.spool_settings() else {
        tracing::warn!("no spool: webhooks receive 503 while Postgres is away (spool.dir)");
        return Ok(None);
    };
    let spool = Spool::open(&settings, keys)
        .with_context(|| format!("the spool cannot be opened in {} (spool.dir)", settings.dir.display()))?;
    let holds = spool.holds();
    tracing::info!(dir = %spool.directory().path().display(), records = holds.records, bytes = holds.bytes, "spool");
    Ok(Some(spool))
}

/// What stores what the spool holds.
fn drain(context: &Context, keys: &Keys, spool: Option<Spool>, pool: &sqlx::PgPool) -> Option<Drain> {
    spool.zip(context.spool_settings()).map(|(spool, settings)| Drain {
        spool,
        dir: settings.dir,
        keys: keys.clone(),
        pool: pool.clone(),
        link: context.link.clone(),
        wake_up: Arc::clone(&context.wake_up),
    })
}

/// The connections of the endpoint: for each statement with webhooks, for the sources, and for what is refused. No job and
/// no batch can take them.
fn ingest_pool(main: &sqlx::PgPool, context: &Context, settings: &http::Settings) -> sqlx::PgPool {
    let connections = u32::try_from(settings.flushers.max(1)).unwrap_or(u32::MAX).saturating_add(INGEST_CONNECTIONS);
    let longest = context.config.database.statement_timeout;
    db::beside(main, &context.link, "switchhook ingest", connections, settings.answer_timeout, longest)
}

/// A vendor's credential under a key that is not given stops this vendor's jobs, not the program: it is said at once.
async fn report_missing_keys(keys: Keys, pool: sqlx::PgPool) {
    match secrets::uses(&pool).await {
        Ok(uses) => {
            for key in secrets::missing(&uses, &keys) {
                tracing::error!(
                    key,
                    "secrets are sealed under a master key that is not given: `switchhook secrets status`"
                );
            }
        }
        Err(error) => tracing::warn!(error = %db::describe(&error), "the sealed secrets cannot be counted"),
    }
}

/// A flood of sockets must not take the descriptors that webhooks need.
fn raise_descriptors() {
    match Descriptors::raise() {
        Some(Descriptors { soft, hard }) => {
            tracing::info!(soft, hard, sockets = Descriptors::sockets(soft), "descriptors")
        }
        None => tracing::warn!("the system does not say how many file descriptors there may be"),
    }
}

/// The API and the pages.
fn people_routes(config: &mut ServiceConfig, people: &Data<Console>, trace: &Data<Trace>) {
    config.app_data(trace.clone());
    api::routes(config, people);
    dashboard::routes(config, people);
}

/// What guards the API and the pages.
fn console(context: &Context, keys: &Keys, pool: &sqlx::PgPool) -> anyhow::Result<Data<Console>> {
    let Config { console, oidc, http, outreach, integrations, .. } = &context.config;
    let guards = Console::new(
        console.clone(),
        pool,
        &context.link,
        keys.clone(),
        Clock::system(),
        http.base_url(),
        http.trusted_proxies.clone(),
    );
    let oidc = Oidc::new(oidc.clone(), &http.base_url(), Clock::system())?;
    let guards = guards.writing_from(integrations.whatsapp.phone_number_id.clone());
    let guards = guards.in_time_zone(outreach.time_zone.clone()).signing_in_with(oidc);
    let database = &context.database;
    let standby = Standby::of(database, context.config.console.connections, context.config.console.statement_timeout)
        .map_err(|error| anyhow::anyhow!("database.read_url: {}", db::describe(&error)))?;
    Ok(Data::new(guards.reading_from(standby)))
}
