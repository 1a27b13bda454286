//! Access tokens: one for an hour, made of the refresh token, shared between processes, and never more than needed,
//! because Zoho gives out ten in ten minutes.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::Mutex;

use super::Settings;
use super::error::word;
use crate::integrations::crm::CrmError;
use crate::integrations::{Answer, Transport};
use crate::redact::Secret;

/// Zoho counts tokens over ten minutes, and advises to stay away for ten to thirty.
pub(super) const THROTTLED_WAIT: Duration = Duration::from_secs(15 * 60);
/// A token is not begun with so shortly before it ends: the request must still find it.
const EXPIRY_MARGIN: TimeDelta = TimeDelta::minutes(2);
/// How often it is looked whether another process has made its token.
const REFRESH_PAUSE: Duration = Duration::from_millis(100);
/// How often at most; together longer than a request for a token takes.
const REFRESH_LOOKS_MAX: usize = 250;
/// What a token lasts if the answer does not say.
const LIFETIME_SECONDS: i64 = 3_600;

/// An access token and where it counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// The token.
    pub access_token: Secret,
    /// The API of the account's data centre.
    pub api_domain: String,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
}

/// Where processes share a token: one row of a table, or a place in memory.
pub trait TokenStore: fmt::Debug + Send + Sync {
    /// The token that was saved last.
    fn load(&self) -> BoxFuture<'_, Result<Option<Token>, TokenStoreError>>;
    /// Keeps a token instead of the one before.
    fn save<'a>(&'a self, token: &'a Token) -> BoxFuture<'a, Result<(), TokenStoreError>>;
    /// Asks whether this process may make a new one.
    fn begin_refresh(&self, _now: DateTime<Utc>) -> BoxFuture<'_, Result<Refresh, TokenStoreError>> {
        async { Ok(Refresh::Go) }.boxed()
    }
    /// Says that none was made, and until when none will be given out.
    fn end_refresh(&self, _throttled_until: Option<DateTime<Utc>>) -> BoxFuture<'_, Result<(), TokenStoreError>> {
        async { Ok(()) }.boxed()
    }
}

/// Whether this process may make a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refresh {
    /// Yes, and no other does until it has saved one, or given up.
    Go,
    /// Another does.
    InProgress,
    /// Nobody may, for this long.
    Throttled(Duration),
}

/// The token cannot be read or kept. Whoever keeps it knows and logs why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the token store failed")]
pub struct TokenStoreError;

/// A place in memory: for one process, and for tests.
#[derive(Debug, Default)]
pub struct MemoryTokens(Mutex<Option<Token>>);

impl TokenStore for MemoryTokens {
    fn load(&self) -> BoxFuture<'_, Result<Option<Token>, TokenStoreError>> {
        async { Ok(self.0.lock().await.clone()) }.boxed()
    }

    fn save<'a>(&'a self, token: &'a Token) -> BoxFuture<'a, Result<(), TokenStoreError>> {
        async {
            *self.0.lock().await = Some(token.clone());
            Ok(())
        }
        .boxed()
    }
}

/// The tokens of one account.
#[derive(Debug)]
pub(super) struct Tokens {
    settings: Settings,
    transport: Transport,
    store: Arc<dyn TokenStore>,
    /// Held while a token is made, so that the requests of one process make one.
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    token: Option<Token>,
    /// Until then Zoho gives out none.
    throttled_until: Option<DateTime<Utc>>,
}

impl Tokens {
    pub(super) fn new(settings: &Settings, transport: Transport, store: Arc<dyn TokenStore>) -> Self {
        Self { settings: settings.clone(), transport, store, held: Mutex::default() }
    }

    /// A token that counts now.
    pub(super) async fn current(&self, now: DateTime<Utc>) -> Result<Token, CrmError> {
        let mut held = self.held.lock().await;
        match &held.token {
            Some(token) if token.is_good(now) => Ok(token.clone()),
            _ => self.shared_or_new(&mut held, None, now).await,
        }
    }

    /// Another token, because Zoho does not know this one. Somebody may have made one meanwhile.
    pub(super) async fn instead_of(&self, rejected: &Token, now: DateTime<Utc>) -> Result<Token, CrmError> {
        let mut held = self.held.lock().await;
        match &held.token {
            Some(token) if token.is_good(now) && token.access_token != rejected.access_token => Ok(token.clone()),
            _ => self.shared_or_new(&mut held, Some(rejected), now).await,
        }
    }

    /// Lets go of a token that is of no use, so that the next request makes another.
    pub(super) async fn forget(&self, token: &Token) {
        let mut held = self.held.lock().await;
        if held.token.as_ref() == Some(token) {
            held.token = None;
        }
    }

    async fn shared_or_new(
        &self,
        held: &mut Held,
        rejected: Option<&Token>,
        now: DateTime<Utc>,
    ) -> Result<Token, CrmError> {
        for _ in 0..REFRESH_LOOKS_MAX {
            if let Some(token) = self.shared(rejected, now).await? {
                held.token = Some(token.clone());
                return Ok(token);
            }
            match self.store.begin_refresh(now).await.map_err(|TokenStoreError| CrmError::TokenStore)? {
                Refresh::Go => {
                    // Another may have saved one between the look and the leave.
                    let token = match self.shared(rejected, now).await? {
                        Some(token) => {
                            self.give_up(None).await?;
                            token
                        }
                        None => self.refresh(held, now).await?,
                    };
                    held.token = Some(token.clone());
                    return Ok(token);
                }
                Refresh::Throttled(wait) => return Err(throttled(wait)),
                Refresh::InProgress => tokio::time::sleep(REFRESH_PAUSE).await,
            }
        }
        Err(CrmError::Busy { code: "another process is making a token".to_owned() })
    }

    async fn shared(&self, rejected: Option<&Token>, now: DateTime<Utc>) -> Result<Option<Token>, CrmError> {
        let shared = self.store.load().await.map_err(|TokenStoreError| CrmError::TokenStore)?;
        let is_useful =
            |token: &Token| token.is_good(now) && rejected.is_none_or(|r| r.access_token != token.access_token);
        Ok(shared.filter(is_useful))
    }

    async fn give_up(&self, throttled_until: Option<DateTime<Utc>>) -> Result<(), CrmError> {
        self.store.end_refresh(throttled_until).await.map_err(|TokenStoreError| CrmError::TokenStore)
    }

    async fn refresh(&self, held: &mut Held, now: DateTime<Utc>) -> Result<Token, CrmError> {
        if let Some(wait) = held.throttled_until.and_then(|until| (until - now).to_std().ok()).filter(|w| !w.is_zero())
        {
            return Err(throttled(wait));
        }
        let form = [
            ("grant_type", "refresh_token"),
            ("client_id", &self.settings.client_id),
            ("client_secret", self.settings.client_secret.expose()),
            ("refresh_token", self.settings.refresh_token.expose()),
        ];
        let url = format!("{}/oauth/v2/token", self.settings.accounts_url.trim_end_matches('/'));
        let answer = self.transport.send(self.transport.client().post(url).form(&form)).await;
        // A token that was made and lost on the way changes nothing in the CRM.
        let token = match answer {
            Ok(answer) => read(&answer, now),
            Err(cause) => Err(CrmError::NoAnswer { cause, changes: false }),
        };
        let token = match token {
            Ok(token) => token,
            Err(error) => {
                if let CrmError::Limited { wait, .. } = &error {
                    held.throttled_until = Some(now + *wait);
                }
                self.give_up(held.throttled_until).await?;
                return Err(error);
            }
        };
        if self.store.save(&token).await.is_err() {
            // The others make their own; this process has its token.
            tracing::warn!("zoho: the token cannot be shared");
        }
        Ok(token)
    }
}

impl Token {
    fn is_good(&self, now: DateTime<Utc>) -> bool {
        now + EXPIRY_MARGIN < self.expires_at
    }
}

/// Errors come with HTTP 200 too, so the body decides: is there a token, is there an error.
fn read(answer: &Answer, now: DateTime<Utc>) -> Result<Token, CrmError> {
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    if let Some(access_token) = body["access_token"].as_str().filter(|token| !token.is_empty()) {
        let lifetime = body["expires_in"].as_i64().unwrap_or(LIFETIME_SECONDS).clamp(0, LIFETIME_SECONDS);
        return Ok(Token {
            access_token: Secret::new(access_token),
            api_domain: body["api_domain"].as_str().unwrap_or_default().to_owned(),
            expires_at: now + TimeDelta::seconds(lifetime),
        });
    }
    match (body["error"].as_str(), answer.status) {
        // Too many tokens, although it reads like a lock-out, and comes with 400 or 200.
        (Some("Access Denied"), _) | (_, 429) => Err(throttled(THROTTLED_WAIT)),
        (None, 200..=299) => Err(CrmError::Unreadable { changes: false }),
        (_, 500..) => Err(CrmError::Busy { code: format!("status {}", answer.status) }),
        // invalid_code (the refresh token), invalid_client, invalid_client_secret: no error is known that heals itself.
        (_, status) => {
            Err(CrmError::NotAuthorized { code: word(&body["error"]).unwrap_or_else(|| format!("status {status}")) })
        }
    }
}

fn throttled(wait: Duration) -> CrmError {
    CrmError::Limited { code: "too many access tokens".to_owned(), wait }
}
