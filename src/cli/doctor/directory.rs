//! The connections: what each asks of its platform, and whether it can work at all.

use sqlx::PgConnection;

use super::Check;
use crate::cli::{cells, connection};
use crate::providers::{self, LiveRequests};
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
        for trouble in trouble(row).into_iter().chain(missing_verify_token(row)) {
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
        checks.push(Check::ok("connections", format!("{} in use, each can be verified", in_use.len())));
    }
    Ok(())
}

/// What is wrong with a connection by itself.
fn trouble(row: &ConnectionRow) -> Option<String> {
    let Some(provider) = providers::find(&row.provider) else {
        return Some("is of a platform that this program does not know".to_owned());
    };
    let has = providers::has(row);
    let (webhooks, live) = providers::needs_of(row);
    let of_live = match provider.live_requests() {
        LiveRequests::None => String::new(),
        LiveRequests::Signed | LiveRequests::Unsigned => format!("; live requests need: {live}"),
    };
    match webhooks.as_str() {
        "nothing" => return Some(format!("stores webhooks that nothing verifies{of_live}")),
        "never" if row.expired_secrets > 0 => {
            return Some("has only secrets that have expired: it refuses everything".to_owned());
        }
        "never" if row.url_is_secret => {
            return Some("has no secret URL any more: `switchhook connection url` makes one".to_owned());
        }
        "never" => {
            return Some("has no secret: it refuses everything until `switchhook connection secret`".to_owned());
        }
        _ => {}
    }
    if let Some(at) = row.working_ends_at {
        let at = cells::time_or_dash(Some(at));
        let works = match (row.working_has_ended, row.working_ends_unreplaced) {
            (Some(true), _) => format!("worked ended {at}, and what it verified is refused"),
            (_, Some(true)) => format!("works ends {at}, whether the new one works or not"),
            _ => format!("works ends {at}, or is kept beyond that until the new one works"),
        };
        return Some(format!(
            "has a new secret that has never verified anything; the one that {works}: is the new one at the platform?"
        ));
    }
    if has.secret_url && !has.secret && !has.header && provider.signs() {
        return Some("goes by its URL alone, though the platform signs: give it the platform's secret".to_owned());
    }
    None
}

/// Without its token the platform's form takes no URL, whatever else there is.
fn missing_verify_token(row: &ConnectionRow) -> Option<String> {
    let asks = providers::find(&row.provider).is_some_and(|provider| provider.shakes_hands());
    (asks && !row.has_verify_token).then(|| {
        "has no verify token, so the platform's form will not take its URL: `switchhook connection verify-token`"
            .to_owned()
    })
}

async fn has_owners(database: &mut PgConnection, provider: &str) -> anyhow::Result<bool> {
    Ok(sqlx::query_file_scalar!("sql/cli/has_owners.sql", provider).fetch_one(database).await?)
}
