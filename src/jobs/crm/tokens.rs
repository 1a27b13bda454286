//! Access tokens in Postgres: one row an account, so that all processes share one, and one of them makes it.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use sqlx::PgPool;

use crate::crypto::{Keys, purpose};
use crate::db;
use crate::integrations::zoho::{Refresh, Settings, Token, TokenStore, TokenStoreError};
use crate::redact::Secret;

/// How long making a token may take: the time a vendor has to answer, and to spare. Then another process tries.
const REFRESH_LEASE: Duration = Duration::from_secs(30);

/// The token of one account.
pub(super) struct PgTokens {
    pool: PgPool,
    keys: Keys,
    credentials: [Secret; 3],
}

impl PgTokens {
    pub(super) fn new(pool: PgPool, keys: Keys, settings: &Settings) -> Self {
        let Settings { accounts_url, client_id, refresh_token, .. } = settings;
        let credentials = [Secret::new(accounts_url), Secret::new(client_id), refresh_token.clone()];
        Self { pool, keys, credentials }
    }

    /// What the row is called.
    async fn account(&self) -> Result<Vec<u8>, sqlx::Error> {
        let parts = self.credentials.each_ref().map(|part| part.expose().as_bytes());
        Ok(self.keys.load(&self.pool).await?.digest_parts("oauth_account", &parts).to_vec())
    }

    async fn find(&self) -> Result<Option<Token>, sqlx::Error> {
        let found = sqlx::query_file_scalar!("sql/jobs/find_oauth_token.sql", self.account().await?)
            .fetch_optional(&self.pool)
            .await?;
        // What cannot be opened or read is of another key, or another version of this program: a new token is made.
        let text = found.flatten().and_then(|sealed| self.keys.open_or_clear(purpose::OAUTH_TOKEN, &sealed).ok());
        Ok(text.and_then(|text| serde_json::from_str(text.expose()).ok()))
    }

    async fn keep(&self, token: &Token) -> Result<(), sqlx::Error> {
        let text = Secret::new(serde_json::to_string(token).unwrap_or_default());
        let sealed = self.keys.seal(purpose::OAUTH_TOKEN, &text);
        sqlx::query_file!("sql/jobs/save_oauth_token.sql", self.account().await?, sealed, token.expires_at)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    async fn ask(&self, now: DateTime<Utc>) -> Result<Refresh, sqlx::Error> {
        let lease = REFRESH_LEASE.as_secs_f64();
        let mine = sqlx::query_file_scalar!("sql/jobs/begin_oauth_refresh.sql", self.account().await?, lease, now)
            .fetch_optional(&self.pool)
            .await?;
        if mine.is_some() {
            return Ok(Refresh::Go);
        }
        let until = sqlx::query_file_scalar!("sql/jobs/oauth_throttled.sql", self.account().await?, now)
            .fetch_optional(&self.pool)
            .await?;
        let wait = until.and_then(|until| (until - now).to_std().ok());
        Ok(wait.map_or(Refresh::InProgress, Refresh::Throttled))
    }

    async fn end(&self, throttled_until: Option<DateTime<Utc>>) -> Result<(), sqlx::Error> {
        sqlx::query_file!("sql/jobs/end_oauth_refresh.sql", self.account().await?, throttled_until)
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}

impl TokenStore for PgTokens {
    fn load(&self) -> BoxFuture<'_, Result<Option<Token>, TokenStoreError>> {
        async { self.find().await.map_err(|error| failed(&error)) }.boxed()
    }

    fn save<'a>(&'a self, token: &'a Token) -> BoxFuture<'a, Result<(), TokenStoreError>> {
        async { self.keep(token).await.map_err(|error| failed(&error)) }.boxed()
    }

    fn begin_refresh(&self, now: DateTime<Utc>) -> BoxFuture<'_, Result<Refresh, TokenStoreError>> {
        async move { self.ask(now).await.map_err(|error| failed(&error)) }.boxed()
    }

    fn end_refresh(&self, throttled_until: Option<DateTime<Utc>>) -> BoxFuture<'_, Result<(), TokenStoreError>> {
        async move { self.end(throttled_until).await.map_err(|error| failed(&error)) }.boxed()
    }
}

impl fmt::Debug for PgTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PgTokens")
    }
}

fn failed(error: &sqlx::Error) -> TokenStoreError {
    tracing::warn!(error = %db::describe(error), "the CRM's access token cannot be read or kept");
    TokenStoreError
}
