//! The configuration: what the program and the database make of it.

use std::collections::BTreeSet;

use sqlx::{PgConnection, PgPool};

use super::super::failure;
use super::{Check, Context};
use crate::admin::secrets;
use crate::clock::Clock;
use crate::console::Oidc;
use crate::http::Descriptors;
use crate::spool::{Holds, directories, holds};
use crate::store::directory;

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

/// Whether all master keys are given that something is sealed under, and whether anything is left to be sealed anew.
pub(super) async fn master_keys(context: &Context, pool: &PgPool, checks: &mut Vec<Check>) -> anyhow::Result<()> {
    let keys = context.keys()?;
    if let Err(error) = keys.load(pool).await {
        checks.push(Check::fail("secrets", failure::text(&error.into())));
    }
    let uses = secrets::uses(pool).await?;
    let missing = secrets::missing(&uses, &keys);
    let newest = keys.master_ids().next();
    let (fresh, older): (Vec<_>, Vec<_>) = uses.iter().partition(|((key, _), _)| key.as_deref() == newest);
    let sum = |uses: &[(&(Option<String>, &str), &u64)]| uses.iter().map(|(_, count)| **count).sum::<u64>();
    checks.push(match (missing.is_empty(), older.is_empty()) {
        (false, _) => Check::fail(
            "secrets",
            format!("sealed under {}, which is not given: `switchhook secrets status`", missing.join(", ")),
        ),
        (true, false) => Check::warn(
            "secrets",
            format!("{} in clear or under an older key: `switchhook secrets rotate`", sum(&older)),
        ),
        (true, true) => Check::ok("secrets", format!("{} sealed under the newest key", sum(&fresh))),
    });
    Ok(())
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

/// Whether the identity provider answers, if there is one: what it says of itself, and its keys.
pub(super) async fn identity_provider(context: &Context, checks: &mut Vec<Check>) {
    let (settings, base_url) = (context.config.oidc.clone(), context.config.http.base_url());
    let callback_url = settings.callback_url(&base_url);
    let checked = match Oidc::new(settings, &base_url, Clock::system()) {
        Ok(None) => return,
        Ok(Some(oidc)) => oidc.check().await.map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    checks.push(match checked {
        Ok(()) => {
            Check::ok("oidc", format!("the identity provider answers; it must send people back to {callback_url}"))
        }
        Err(error) => Check::fail("oidc", error),
    });
}

/// Whether the tenants exist that groups lead to.
pub(super) async fn tenants_of_groups(
    context: &Context,
    connection: &mut PgConnection,
    checks: &mut Vec<Check>,
) -> anyhow::Result<()> {
    let slugs: BTreeSet<&str> = context.config.oidc.tenants().collect();
    for slug in slugs {
        if directory::find_tenant(&mut *connection, slug).await?.is_none() {
            checks.push(Check::fail(
                "oidc.roles",
                format!("there is no tenant {slug}: people whose group leads there cannot sign in"),
            ));
        }
    }
    Ok(())
}

/// Where webhooks go while the database is away, and what waits there.
pub(super) fn spool(context: &Context) -> Check {
    let Some(settings) = context.spool_settings() else {
        return Check::warn("spool", "off: webhooks receive 503 while Postgres is away; name a directory in spool.dir");
    };
    let mut sum = Holds::default();
    let held = directories(&settings.dir).and_then(|paths| {
        paths.iter().try_for_each(|path| {
            let holds = holds(path)?;
            sum.records += holds.records;
            sum.set_aside_bytes += holds.set_aside_bytes;
            Ok(())
        })
    });
    match held {
        Err(error) => Check::fail("spool", format!("{} cannot be read: {}", settings.dir.display(), error.kind())),
        Ok(()) if sum.set_aside_bytes > 0 => Check::fail(
            "spool",
            format!("{} bytes could not be read or stored, and lie in set-aside/", sum.set_aside_bytes),
        ),
        Ok(()) if sum.records > 0 => Check::warn("spool", format!("{} webhooks wait to be stored", sum.records)),
        Ok(()) => Check::ok("spool", format!("empty, in {}", settings.dir.display())),
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
