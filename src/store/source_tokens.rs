//! Tokens of sources: the secret part of a URL, and what a platform sends with live requests. They are shown once, and kept
//! as digests.

use std::time::Duration;

use sqlx::{PgConnection, PgExecutor, PgPool};
use uuid::Uuid;

use super::directory::unguessable;
use crate::crypto::DigestKey;
use crate::redact::{Hidden, Secret};

/// Tokens of one usage that a source may have at once: one in use, one that replaces it, and as many again for a platform
/// that keeps its URL in several places.
pub const TOKENS_MAX: i64 = 4;

/// What a token is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TokenUse {
    /// Sending webhooks: the secret part of the URL.
    Webhook,
    /// Live requests: who is calling, and tools.
    Live,
}

impl TokenUse {
    /// Its name in the table.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Live => "live",
        }
    }

    /// The use of this name.
    pub fn read(text: &str) -> Self {
        if text == "live" { Self::Live } else { Self::Webhook }
    }
}

/// A token as it is kept.
#[derive(Clone, Debug)]
pub struct SourceToken {
    /// Its id.
    pub id: Uuid,
    /// What it is good for.
    pub usage: TokenUse,
    /// Its digest.
    pub digest: Hidden<Vec<u8>>,
}

/// What the digests of tokens are made for.
const PURPOSE: &str = "source_tokens.digest";

/// How a token is kept.
pub fn digest(key: &DigestKey, token: &str) -> Vec<u8> {
    key.digest(PURPOSE, token).to_vec()
}

/// Gives a source this token, or a random one, and returns it: it is shown once. `ends_after`: a temporary one.
pub async fn add(
    executor: impl PgExecutor<'_>,
    key: &DigestKey,
    source_id: Uuid,
    id: Uuid,
    usage: TokenUse,
    given: Option<Secret>,
    ends_after: Option<Duration>,
) -> Result<Secret, sqlx::Error> {
    let token = given.unwrap_or_else(|| Secret::new(unguessable()));
    let ends_after_ms = ends_after.map(|wait| wait.as_millis() as f64);
    let digest = digest(key, token.expose());
    sqlx::query_file!("sql/store/add_source_token.sql", id, source_id, usage.as_str(), digest, ends_after_ms)
        .execute(executor)
        .await?;
    Ok(token)
}

/// Whether a source may have a further token of this usage. Call it within the transaction that adds it.
pub async fn has_room(connection: &mut PgConnection, source_id: Uuid, usage: TokenUse) -> Result<bool, sqlx::Error> {
    let count = sqlx::query_file_scalar!("sql/store/count_source_tokens.sql", source_id, usage.as_str());
    Ok(count.fetch_one(connection).await? < TOKENS_MAX)
}

/// Lets the tokens of a usage end after a while; those that work, only once a newer one works as well, unless
/// `even_unreplaced`.
pub async fn expire(
    executor: impl PgExecutor<'_>,
    source_id: Uuid,
    usage: TokenUse,
    wait: Duration,
    even_unreplaced: bool,
) -> Result<u64, sqlx::Error> {
    let wait_ms = wait.as_millis() as f64;
    let done =
        sqlx::query_file!("sql/store/expire_source_tokens.sql", source_id, usage.as_str(), wait_ms, even_unreplaced);
    Ok(done.execute(executor).await?.rows_affected())
}

/// Takes a temporary token or secret away before it ends by itself.
pub async fn remove_temporary(executor: impl PgExecutor<'_>, id: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query_file!("sql/store/remove_temporary.sql", id).execute(executor).await?;
    Ok(())
}

/// Notes that these tokens are in use, so that a rotation can be finished safely.
pub async fn touch(pool: &PgPool, token_ids: &[Uuid]) -> Result<(), sqlx::Error> {
    sqlx::query_file!("sql/store/touch_source_tokens.sql", token_ids).execute(pool).await?;
    Ok(())
}
