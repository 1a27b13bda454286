//! `serve`: the door and the processors, until told to stop.

use std::net::TcpListener;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use actix_web::web::{Data, ServiceConfig};
use anyhow::Context as _;
use clap::ValueEnum;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{Context, setup};
use crate::admin::secrets;
use crate::clock::Clock;
use crate::config::Config;
use crate::console::{Console, Oidc};
use crate::crypto::{KeyError, Keys};
use crate::http::{self, Committer, Connections, Descriptors, Door, Draining, Rejections};
use crate::jobs::Watcher;
use crate::jobs::crm::Feeder as CrmFeeder;
use crate::providers::Trace;
use crate::reconcile::{Reconciler, Schedule};
use crate::store::follow;
use crate::{api, dashboard, db, retention};

/// How long the batches in hand may take when the program stops.
const WORK_STOP_TIMEOUT: Duration = Duration::from_secs(20);

/// How often a database that was away is asked for its keys.
const KEY_POLL: Duration = Duration::from_secs(1);

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
    let mut interrupts = Interrupts::new()?;
    let pool = context.pool().await?;
    let keys = context.keys()?;
    if args.setup {
        setup::run(context, &pool).await?;
    }
    match db::is_up_to_date(&pool).await {
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
    let stop_work = CancellationToken::new();
    let mut work = JoinSet::new();
    if args.only != Some(Half::Ingest) {
        let processor = Arc::new(context.processor_over(pool.clone())?);
        let runner = context.runner_over(pool.clone())?;
        let stop = stop_work.clone();
        work.spawn(async move { runner.run(stop).await });
        let feeder = CrmFeeder::new(Arc::new(context.desk_over(pool.clone())?), context.config.jobs.poll_interval);
        let stop = stop_work.clone();
        work.spawn(async move { feeder.run(stop).await });
        let watcher = Watcher::new(Arc::new(context.desk_over(pool.clone())?), context.config.alerts.clone());
        let stop = stop_work.clone();
        work.spawn(async move { watcher.run(stop).await });
        work.spawn(follow::run(pool.clone(), stop_work.clone()));
        work.spawn(retention::run(pool.clone(), context.config.retention.clone(), stop_work.clone()));
        let reconciler =
            Reconciler { desk: Arc::new(context.desk_over(pool.clone())?), registry: Arc::new(context.registry()?) };
        let schedule = Schedule::new(Arc::new(reconciler), context.config.reconcile.clone());
        let stop = stop_work.clone();
        work.spawn(async move { schedule.run(stop).await });
        for _ in 0..context.config.processor.workers {
            let (processor, stop) = (Arc::clone(&processor), stop_work.clone());
            work.spawn(async move { processor.run(stop).await });
        }
    }
    let result = if args.only == Some(Half::Work) {
        tracing::info!(workers = context.config.processor.workers, "working");
        interrupts.first_or_wrong_key(&keys, &pool).await
    } else {
        ingest(context, &keys, pool, &mut interrupts).await
    };
    tracing::info!("stopping: finishing the batches and jobs in hand");
    stop_work.cancel();
    let finished = tokio::time::timeout(WORK_STOP_TIMEOUT, async { while work.join_next().await.is_some() {} });
    tokio::select! {
        result = finished => if result.is_err() { tracing::warn!("a batch took too long and is rolled back, or a job is left to its lease") },
        () = interrupts.second() => {}
    }
    tracing::info!("stopped");
    result.map(|()| ExitCode::SUCCESS)
}

/// Opens the door, and returns once it is closed and everything that was answered is on disk.
async fn ingest(context: &Context, keys: &Keys, pool: sqlx::PgPool, interrupts: &mut Interrupts) -> anyhow::Result<()> {
    let settings = context.config.http.clone();
    let listener = TcpListener::bind(settings.bind)
        .with_context(|| format!("cannot listen on {} (http.bind, SWITCHHOOK__HTTP__BIND)", settings.bind))?;
    let bind = listener.local_addr()?;
    let stop = CancellationToken::new();
    let connections = Arc::new(Connections::new(pool.clone(), keys.clone()));
    let refresher = tokio::spawn({
        let (connections, stop) = (Arc::clone(&connections), stop.clone());
        async move { connections.run(stop).await }
    });
    let (committer, flusher) =
        Committer::start(&pool, settings.flushers, settings.commit_rows_max, &context.metrics, &context.wake_up);
    let (rejections, rejections_writer) = Rejections::start(pool.clone(), settings.rejections_per_minute);
    let live = Arc::new(context.live_over(pool.clone())?);
    let tally = tokio::spawn({
        let (live, stop) = (Arc::clone(&live), stop.clone());
        async move { live.run(stop).await }
    });
    raise_descriptors();
    let draining = Draining::default();
    let shutdown_timeout = settings.shutdown_timeout;
    let door = Door::new(
        settings,
        pool.clone(),
        connections,
        committer,
        rejections,
        Arc::clone(&context.metrics),
        Clock::system(),
        draining.clone(),
    )
    .answering(live);
    let networks = door.networks();
    let (people, console_bind) = (console(context, keys, &pool)?, context.config.console.bind);
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
    let beside = match console_bind {
        None => None,
        Some(bind) => {
            let listener =
                TcpListener::bind(bind).with_context(|| format!("cannot listen on {bind} (console.bind)"))?;
            tracing::info!(bind = %listener.local_addr()?, "listening for the API and the pages");
            let server =
                http::start_console(listener, &context.config.http, networks, Clock::system(), move |config| {
                    people_routes(config, &people, &trace)
                })?;
            let handle = server.handle();
            tokio::spawn(server);
            Some(handle)
        }
    };
    tracing::info!(%bind, "listening");
    let result = interrupts.first_or_wrong_key(keys, &pool).await;
    draining.begin();
    if let Some(beside) = beside {
        tokio::spawn(beside.stop(true));
    }
    tracing::info!("stopping: no new connections, finishing the requests in flight");
    tokio::select! {
        () = handle.stop(true) => {}
        () = interrupts.second() => {}
    }
    server.await??;
    stop.cancel();
    let rest = async {
        refresher.await.ok();
        tally.await.ok();
        flusher.await.ok();
        rejections_writer.await.ok();
    };
    if tokio::time::timeout(shutdown_timeout, rest).await.is_err() {
        tracing::warn!("not everything could be written in time; what was answered 200 is on disk");
    }
    result
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
        keys.clone(),
        Clock::system(),
        http.base_url(),
        http.trusted_proxies.clone(),
    );
    let oidc = Oidc::new(oidc.clone(), &http.base_url(), Clock::system())?;
    let guards = guards.in_time_zone(outreach.time_zone.clone()).signing_in_with(oidc);
    Ok(Data::new(guards.writing_from(integrations.whatsapp.phone_number_id.clone())))
}

/// SIGTERM and Ctrl-C: the first stops gently, the second at once.
struct Interrupts {
    terminate: Signal,
    interrupt: Signal,
}

impl Interrupts {
    fn new() -> anyhow::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn first(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    /// The same; or an error, if a database that came later turns out to be sealed under another key.
    async fn first_or_wrong_key(&mut self, keys: &Keys, pool: &sqlx::PgPool) -> anyhow::Result<()> {
        let wrong_key = async {
            loop {
                match keys.load(pool).await {
                    Ok(_) => std::future::pending().await,
                    Err(error) if KeyError::of(&error).is_some() => return error,
                    Err(_) => tokio::time::sleep(KEY_POLL).await,
                }
            }
        };
        tokio::select! {
            () = self.first() => Ok(()),
            error = wrong_key => Err(error.into()),
        }
    }

    /// Ends the process when it is told so again.
    async fn second(&mut self) {
        self.first().await;
        tracing::warn!("told to stop again: stopping at once");
        std::process::exit(1);
    }
}
