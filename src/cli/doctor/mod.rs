//! `doctor`: what is wrong, and what may become wrong. It only looks; nothing is changed.

mod configuration;
mod directory;
mod inbox;
mod people;
mod server;
mod standby;

use std::process::ExitCode;

use serde::Serialize;
use sqlx::PgConnection;

use super::{Context, cells, failure};
use crate::store::invariants;

/// What is looked at.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Leave out the invariants, which read whole tables
    #[arg(long)]
    quick: bool,
}

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Ok,
    Warn,
    Fail,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Check {
    verdict: Verdict,
    check: &'static str,
    detail: String,
}

impl Check {
    fn ok(check: &'static str, detail: impl Into<String>) -> Self {
        Self { verdict: Verdict::Ok, check, detail: detail.into() }
    }

    fn warn(check: &'static str, detail: impl Into<String>) -> Self {
        Self { verdict: Verdict::Warn, check, detail: detail.into() }
    }

    fn fail(check: &'static str, detail: impl Into<String>) -> Self {
        Self { verdict: Verdict::Fail, check, detail: detail.into() }
    }
}

pub(super) async fn run(args: &Args, context: &mut Context) -> anyhow::Result<ExitCode> {
    let mut checks = configuration::checks(context);
    configuration::identity_provider(context, &mut checks).await;
    checks.push(configuration::spool(context));
    if let Err(error) = look(args, context, &mut checks).await {
        checks.push(Check::fail("database", failure::text(&error)));
    }
    context.output.list(&["", "check", "finding"], &checks, |check| {
        let verdict = match check.verdict {
            Verdict::Ok => "ok",
            Verdict::Warn => "WARN",
            Verdict::Fail => "FAIL",
        };
        vec![verdict.to_owned(), check.check.to_owned(), check.detail.clone()]
    })?;
    let is_failed = checks.iter().any(|check| check.verdict == Verdict::Fail);
    Ok(if is_failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// What only the database knows. An error ends it: what comes later would fail as well.
async fn look(args: &Args, context: &mut Context, checks: &mut Vec<Check>) -> anyhow::Result<()> {
    let pool = context.pool().await?;
    let mut connection = server::connect(&pool, &context.link).await?;
    checks.push(server::pooler(&context.link));
    let is_current = server::checks(&mut connection, &pool, checks).await?;
    if !is_current {
        return Ok(());
    }
    checks.extend(standby::check(context, &pool).await);
    configuration::master_keys(context, &pool, checks).await?;
    configuration::functions(context, &mut connection, checks).await?;
    configuration::tenants_of_groups(context, &mut connection, checks).await?;
    directory::checks(&mut connection, checks).await?;
    inbox::checks(&mut connection, checks).await?;
    people::checks(context, &mut connection, checks).await?;
    if args.quick {
        return Ok(());
    }
    broken_invariants(&mut connection, checks).await
}

async fn broken_invariants(connection: &mut PgConnection, checks: &mut Vec<Check>) -> anyhow::Result<()> {
    let mut held = 0;
    for invariant in invariants::ALL {
        match invariants::check(connection, *invariant).await? {
            None => held += 1,
            Some(broken) => checks.push(Check::fail(
                "invariant",
                format!(
                    "{}: broken by {}, such as {}; sql/invariants/{0}.sql says what that means",
                    broken.name,
                    cells::counted(broken.rows, "row"),
                    broken.ids.join(", ")
                ),
            )),
        }
    }
    checks.push(Check::ok("invariants", format!("{held} of {} hold", invariants::ALL.len())));
    Ok(())
}
