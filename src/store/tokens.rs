//! `api_tokens`: random, shown once, stored as a digest.

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgExecutor;
use uuid::Uuid;

use crate::access::{Actor, ActorKind, Role, Scope};
use crate::crypto::DigestKey;
use crate::redact::Secret;

/// What tokens begin with, so that one that lies somewhere is recognised.
const PREFIX: &str = "shk_";
/// What they are digested for.
const PURPOSE: &str = "api_token";

/// Makes a token that is good for so long and stores its digest; returns its id, itself this once, and when it ends.
pub async fn add(
    executor: impl PgExecutor<'_>,
    key: &DigestKey,
    tenant_id: Option<Uuid>,
    role: Role,
    label: &str,
    wait: Option<TimeDelta>,
) -> Result<(Uuid, Secret, Option<DateTime<Utc>>), sqlx::Error> {
    let token = format!("{PREFIX}{}", key.issue(PURPOSE).expose());
    let made = sqlx::query_file!(
        "sql/store/add_token.sql",
        tenant_id,
        role.as_str(),
        label,
        &digest(key, &token),
        wait.map(|wait| wait.as_seconds_f64())
    )
    .fetch_one(executor)
    .await?;
    Ok((made.id, Secret::new(token), made.expires_at))
}

/// Whether this is a token that was made here, good or not: said without the database.
pub fn is_issued(key: &DigestKey, token: &Secret) -> bool {
    token.expose().strip_prefix(PREFIX).is_some_and(|text| key.has_issued(PURPOSE, text))
}

/// Who holds the token and what they may see, and when they changed something last, if it is known and has not expired.
pub async fn find(
    executor: impl PgExecutor<'_>,
    key: &DigestKey,
    token: &Secret,
) -> Result<Option<(Scope, Option<DateTime<Utc>>)>, sqlx::Error> {
    let digest = digest(key, token.expose());
    let row = sqlx::query_file!("sql/store/find_token.sql", &digest).fetch_optional(executor).await?;
    Ok(row.and_then(|row| {
        let actor = Actor { kind: ActorKind::Token, id: row.id };
        Some((Scope::new(actor, Role::read(&row.role)?, row.tenant_id), row.last_change_at))
    }))
}

/// Notes that the token or the user of this id has changed something.
pub async fn note_change(executor: impl PgExecutor<'_>, actor_id: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query_file!("sql/console/note_change.sql", actor_id).execute(executor).await?;
    Ok(())
}

/// A digest needs no slow hash: the token has 256 random bits. With a key, so that nobody who can write to the table can
/// make a token of their own.
fn digest(key: &DigestKey, token: &str) -> Vec<u8> {
    key.digest(PURPOSE, token).to_vec()
}
