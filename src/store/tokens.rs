//! `api_tokens`: random, shown once, stored as a digest.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use sqlx::PgExecutor;
use uuid::Uuid;

use crate::redact::Secret;

/// Who may do what.
#[derive(Clone, Debug, PartialEq)]
pub struct Token {
    /// Its id.
    pub id: Uuid,
    /// The one tenant that it may see; `None`: all.
    pub tenant_id: Option<Uuid>,
    /// viewer, agent, operator or admin.
    pub role: String,
}

/// Makes a token and stores its digest; the token itself is returned this once.
pub async fn add(
    executor: impl PgExecutor<'_>,
    tenant_id: Option<Uuid>,
    role: &str,
    label: &str,
    expires_at: Option<DateTime<Utc>>,
) -> Result<(Uuid, Secret), sqlx::Error> {
    let bytes: [u8; 32] = rand::random();
    let token = format!("shk_{}", URL_SAFE_NO_PAD.encode(bytes));
    let id = sqlx::query_file_scalar!("sql/store/add_token.sql", tenant_id, role, label, &digest(&token), expires_at)
        .fetch_one(executor)
        .await?;
    Ok((id, Secret::new(token)))
}

/// The token, if it is known and has not expired.
pub async fn find(executor: impl PgExecutor<'_>, token: &str) -> Result<Option<Token>, sqlx::Error> {
    sqlx::query_file_as!(Token, "sql/store/find_token.sql", &digest(token)).fetch_optional(executor).await
}

/// A digest needs no salt and no slow hash: the token has 256 random bits.
fn digest(token: &str) -> Vec<u8> {
    Sha256::digest(token.as_bytes()).to_vec()
}
