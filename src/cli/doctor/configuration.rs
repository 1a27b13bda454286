//! The configuration: what the program and the database make of it.

use sqlx::PgConnection;

use super::{Check, Context};
use crate::http::Descriptors;

/// What can be said without the database. That it could be read at all is known by now.
pub(super) fn checks(context: &Context) -> Vec<Check> {
    let mut checks = vec![match context.registry() {
        Ok(registry) => {
            Check::ok("configuration", format!("read; {} event types have a handler", registry.routes().count()))
        }
        Err(error) => Check::fail("configuration", format!("{error:#}")),
    }];
    let http = &context.config.http;
    if !http.bind.ip().is_loopback() && http.public_url.is_empty() {
        checks.push(Check::warn("http.public_url", "is not set: the URLs that are printed are those of http.bind"));
    }
    if http.public_url.starts_with("http://") {
        checks.push(Check::warn("http.public_url", "is not https: secrets and payloads would travel in the clear"));
    }
    checks.push(descriptors());
    checks
}

/// How many sockets a program has descriptors for that is started as this one was.
fn descriptors() -> Check {
    let Some(found) = Descriptors::look() else {
        return Check::warn("descriptors", "the system does not say how many files and sockets may be open");
    };
    let sockets = Descriptors::sockets(found.best());
    let (soft, raised) = (found.soft, found.best());
    let text = format!("the soft limit is {soft}; serve raises it to {raised}, enough for {sockets} sockets");
    match sockets < Descriptors::sockets_max() {
        true => Check::warn("descriptors", format!("{text}: raise the hard limit (ulimit -n, LimitNOFILE)")),
        false => Check::ok("descriptors", text),
    }
}

/// Whether the SQL functions of `[handlers]` exist and take an event.
pub(super) async fn functions(
    context: &Context,
    connection: &mut PgConnection,
    checks: &mut Vec<Check>,
) -> anyhow::Result<()> {
    let names: Vec<String> = context.config.handlers.values().cloned().collect();
    // What is no name of a function has been reported, and must not reach the database.
    if names.is_empty() || context.registry().is_err() {
        return Ok(());
    }
    let missing = sqlx::query_file_scalar!("sql/cli/missing_functions.sql", &names).fetch_all(connection).await?;
    if missing.is_empty() {
        checks.push(Check::ok("handlers", format!("{} SQL functions exist", names.len())));
    }
    for name in missing {
        checks.push(Check::fail(
            "handlers",
            format!("there is no function {name}(webhook_events) that this user may see"),
        ));
    }
    Ok(())
}
