//! The connections: what each asks of its sender, and whether it can work at all.

use sqlx::PgConnection;

use super::Check;
use crate::cli::connection::{self, Asks};
use crate::providers;
use crate::store::roster::connections::{self, ConnectionRow};

pub(super) async fn checks(database: &mut PgConnection, checks: &mut Vec<Check>) -> anyhow::Result<()> {
    let rows = connections::list(&mut *database).await?;
    let in_use: Vec<&ConnectionRow> = rows.iter().filter(|row| row.disabled_at.is_none()).collect();
    if in_use.is_empty() {
        checks.push(Check::warn("connections", "there is none in use: add one with `switchhook connection add`"));
        return Ok(());
    }
    let before = checks.len();
    for row in &in_use {
        if let Some(trouble) = trouble(row) {
            checks.push(Check::warn("connection", format!("{} {trouble}", connection::name(row))));
        }
        if row.tenant.is_none() && !has_owners(database, &row.provider).await? {
            checks.push(Check::warn(
                "connection",
                format!(
                    "{} is shared, but no number and no agent tells whose its webhooks are: `switchhook number add`, \
                     `switchhook agent add`",
                    connection::name(row)
                ),
            ));
        }
    }
    if checks.len() == before {
        checks.push(Check::ok("connections", format!("{} in use, each with its proof", in_use.len())));
    }
    Ok(())
}

/// What is wrong with a connection by itself.
fn trouble(row: &ConnectionRow) -> Option<&'static str> {
    let Some(provider) = providers::find(&row.provider) else {
        return Some("is of a platform that this program does not know");
    };
    match Asks::of(row) {
        Asks::Nothing => Some("accepts requests that prove nothing"),
        Asks::Impossible if row.expired_secrets > 0 => {
            Some("has only secrets that have expired: it refuses everything")
        }
        Asks::Impossible => Some("has no secret: it refuses everything"),
        Asks::Url if provider.signs() => {
            Some("goes by its URL alone, though the platform signs: give it the platform's secret")
        }
        _ if provider.shakes_hands() && !row.has_verify_token => Some(
            "has no verify token, so the platform's form will not take its URL: `switchhook connection verify-token`",
        ),
        _ => None,
    }
}

async fn has_owners(database: &mut PgConnection, provider: &str) -> anyhow::Result<bool> {
    Ok(sqlx::query_file_scalar!("sql/cli/has_owners.sql", provider).fetch_one(database).await?)
}
