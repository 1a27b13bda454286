//! Live answers: who is calling, while the phone rings, and what the voice agent wants done during the call. Everything
//! an answer needs is in the database, read through indexes over connections of its own, and bounded in time.

mod calendar;
mod call;
mod caller;
mod functions;
mod limits;
mod lookups;
mod memory;
mod settings;
mod steps;
mod tally;
mod tenant;
mod variables;
mod words;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

pub use call::{Answer, Outcome};
pub use functions::register;
pub use limits::WriteSettings;
pub use lookups::LookupSettings;
pub use memory::{Appointment, Memory, Note, PastCall, recall};
pub use settings::Settings;
pub use steps::Steps;
pub use tally::{Slow, Tally};
pub use tenant::{Asker, Overlay, TenantParts};
pub use variables::variables;

use crate::clock::Clock;
use crate::crypto::Keys;
use crate::db::{self, Link};
use crate::dispatch::Registry;
use crate::telemetry::Metrics;
use lookups::Lookups;

/// How soon the access log has what was told: a process that is killed loses no more than this.
const ACCESS_LOG_INTERVAL: Duration = Duration::from_secs(1);

/// What questions are answered with.
pub struct Live {
    settings: Settings,
    main: PgPool,
    link: Link,
    keys: Keys,
    callers: PgPool,
    callees: PgPool,
    overlay: Overlay,
    default_region: String,
    registry: Arc<Registry>,
    clock: Clock,
    metrics: Arc<Metrics>,
    tally: Tally,
    lookups: Lookups,
}

impl std::fmt::Debug for Live {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Live").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Live {
    /// Over the database of this pool, with connections of its own: neither the processor's load nor the door's takes
    /// them away, and a statement that takes too long is given up by Postgres as well.
    #[expect(clippy::too_many_arguments, reason = "each is a part of its own, named at the one place that calls this")]
    pub fn new(
        settings: Settings,
        main: PgPool,
        link: Link,
        keys: Keys,
        overlay: Overlay,
        default_region: String,
        registry: Arc<Registry>,
        clock: Clock,
        metrics: Arc<Metrics>,
    ) -> Self {
        let own = |connections, timeout| db::beside(&main, &link, "switchhook live", connections, timeout, timeout);
        let callers = own(settings.caller_connections, settings.caller_timeout);
        let callees = own(settings.function_connections, settings.function_timeout);
        Self {
            lookups: Lookups::new(settings.lookups),
            settings,
            main,
            link,
            keys,
            callers,
            callees,
            overlay,
            default_region,
            registry,
            clock,
            metrics,
            tally: Tally::default(),
        }
    }

    /// The functions as one pastes them into a platform's form: name, description, JSON schema of the arguments.
    pub fn describe_functions(&self) -> Value {
        let functions = self.registry.functions().map(|function| {
            json!({ "name": function.name, "description": function.description, "parameters": function.schema() })
        });
        Value::Array(functions.collect())
    }

    /// Adds the counts to the database until told to stop.
    pub async fn run(&self, stop: CancellationToken) {
        let lookups = async {
            loop {
                let stopping = tokio::select! {
                    () = stop.cancelled() => true,
                    () = tokio::time::sleep(ACCESS_LOG_INTERVAL) => false,
                };
                if let Err(error) = self.lookups.flush(&self.main).await {
                    tracing::warn!(error = %db::describe(&error), "the access log of live answers could not be written");
                }
                if stopping {
                    return;
                }
            }
        };
        tokio::join!(lookups, self.tally.run(&self.main, &self.clock, stop.clone()));
    }

    /// Adds the counts to the database now.
    pub async fn flush(&self) -> Result<(), sqlx::Error> {
        self.lookups.flush(&self.main).await?;
        self.tally.flush(&self.main).await
    }

    /// Counts an answer that has been given, and keeps it if it took too long.
    pub fn answered(&self, endpoint: &'static str, asker: Asker, is_fallback: bool, steps: &Steps) {
        let took = steps.elapsed();
        let is_slow = took > self.settings.budget;
        self.metrics.live_answer(endpoint, is_fallback, is_slow, took);
        let slow = is_slow.then(|| Slow {
            at: self.clock.now(),
            endpoint,
            connection_id: asker.connection_id,
            tenant_id: asker.tenant_id,
            took,
            is_fallback,
            steps: steps.as_json(),
        });
        self.tally.count(self.clock.now(), endpoint, is_fallback, slow);
    }
}
