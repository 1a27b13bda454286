//! Sending a sample as its platform would: signed, over HTTP, to a connection of a running service.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use crate::access::Scope;
use crate::crypto::{DigestKey, Keys};
use crate::providers::{LiveRequests, Provider};
use crate::redact::Secret;
use crate::store::connections::{self, Connection};
use crate::store::directory::unguessable;
use crate::store::operator_log::{Action, Line};
use crate::store::source_tokens::{self, TokenUse};

/// How long the service may take to answer: a little longer than http.answer_timeout.
const TIMEOUT: Duration = Duration::from_secs(15);

/// How long an idle connection is kept: a good deal less than http.keep_alive.
const IDLE: Duration = Duration::from_secs(5);

/// How long a temporary secret or token is good where nobody takes it away: longer than a demo takes.
const TEMPORARY: Duration = Duration::from_secs(300);

/// What the service said.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Answer {
    /// The HTTP status.
    pub(super) status: u16,
    /// `accepted` or `duplicate`.
    pub(super) outcome: Option<String>,
    /// The id of the event.
    pub(super) event_id: Option<String>,
    /// Why it was refused.
    pub(super) detail: Option<String>,
}

impl Answer {
    /// Whether the webhook was taken.
    pub(super) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// A client for a service of ours: reached directly, never by way of a proxy.
pub(super) fn client() -> anyhow::Result<reqwest::Client> {
    // An error means that somebody chose a provider before: just as well.
    rustls::crypto::ring::default_provider().install_default().ok();
    reqwest::Client::builder()
        .timeout(TIMEOUT)
        // The service closes idle connections later, so that none is used the moment it closes it.
        .pool_idle_timeout(IDLE)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
        .map_err(|error| anyhow::anyhow!("no HTTP client: {}", error.without_url()))
}

/// A connection, and what it takes to send to it as its platform would.
pub(super) struct Access<'c> {
    connection: &'c Connection,
    secret: Option<Secret>,
    /// The token of its URL.
    url_token: Option<Secret>,
    live_token: Option<Secret>,
    /// Made for this, and taken away again.
    temporary: Vec<Uuid>,
}

impl<'c> Access<'c> {
    /// Samples are sent with temporary credentials, which end by themselves even if this program is killed. The use of
    /// the platform's own would count as its proof, and a rotation that it has not followed would go unnoticed. A
    /// temporary one is of the kind that the source has, so that it asks no more of its platform meanwhile; the static
    /// header, whose use nobody notes, is read.
    pub(super) async fn to(
        pool: &PgPool,
        scope: &Scope,
        keys: &Keys,
        connection: &'c Connection,
        provider: &dyn Provider,
    ) -> Result<Self, sqlx::Error> {
        let key = keys.load(pool).await?;
        let mut transaction = pool.begin().await?;
        let mut access = Self { connection, secret: None, url_token: None, live_token: None, temporary: Vec::new() };
        let (has_secret, has_header) = (!connection.secrets.is_empty(), connection.header.is_some());
        let has_credential = has_secret || has_header;
        if !has_credential && connection.url_is_secret {
            access.url_token = Some(access.token(&mut transaction, key, TokenUse::Webhook).await?);
        } else if has_secret || !(has_header || connection.allow_unsigned) {
            let (id, secret) = (Uuid::now_v7(), Secret::new(unguessable()));
            connections::add_secret(&mut *transaction, keys, connection.id, id, &secret, Some(TEMPORARY)).await?;
            access.temporary.push(id);
            access.secret = Some(secret);
        }
        let has_live_token = connection.tokens.iter().any(|token| token.usage == TokenUse::Live);
        if provider.live_requests() == LiveRequests::Unsigned && (has_live_token || !has_credential) {
            access.live_token = Some(access.token(&mut transaction, key, TokenUse::Live).await?);
        }
        if !access.temporary.is_empty() {
            let line = Line::of(scope, Action::AddTemporaryCredential).tenant(connection.tenant_id);
            let line = line.with("connection_id", connection.id).with("credentials", access.temporary.len());
            line.write(&mut transaction).await?;
            transaction.commit().await?;
        }
        Ok(access)
    }

    async fn token(
        &mut self,
        database: &mut PgConnection,
        key: &DigestKey,
        usage: TokenUse,
    ) -> Result<Secret, sqlx::Error> {
        let id = Uuid::now_v7();
        self.temporary.push(id);
        source_tokens::add(database, key, self.connection.id, id, usage, None, Some(TEMPORARY)).await
    }

    /// Takes away what was made for this.
    pub(super) async fn end(self, pool: &PgPool) -> Result<(), sqlx::Error> {
        for id in self.temporary {
            source_tokens::remove_temporary(pool, id).await?;
        }
        Ok(())
    }
}

/// Signs a sample, sends it, and returns the answer, whatever it is. An error means that there was none.
pub(super) async fn send(
    client: &reqwest::Client,
    base_url: &str,
    access: &Access<'_>,
    provider: &dyn Provider,
    body: &str,
    now: DateTime<Utc>,
) -> anyhow::Result<Answer> {
    let outgoing = provider.sign(body, access.secret.as_ref(), now);
    let last = access.url_token.as_ref().map_or(access.connection.slug.as_str(), Secret::expose);
    let url = format!("{}/webhooks/{}/{last}", base_url.trim_end_matches('/'), provider.name());
    let mut request = client.post(url).header("content-type", outgoing.content_type);
    for (name, value) in outgoing.headers {
        request = request.header(name, value);
    }
    if let Some((name, value)) = &access.connection.header {
        request = request.header(name, value.expose());
    }
    if let Some(token) = &access.live_token {
        request = request.bearer_auth(token.expose());
    }
    // The URL may be a secret: it is left out of errors.
    let response = request.body(outgoing.body).send().await.map_err(|error| {
        let why = if error.is_timeout() { "it did not answer in time" } else { "is `switchhook serve` running there?" };
        anyhow::anyhow!("no answer from {base_url}: {why}")
    })?;
    let header = |name: &str| Some(response.headers().get(name)?.to_str().ok()?.to_owned());
    let mut answer = Answer {
        status: response.status().as_u16(),
        outcome: header("switchhook-outcome"),
        event_id: header("switchhook-event"),
        detail: None,
    };
    if !answer.is_success() {
        // RFC 9457.
        let problem: Option<serde_json::Value> = response.json().await.ok();
        answer.detail = problem.and_then(|problem| Some(problem.get("detail")?.as_str()?.to_owned()));
    }
    Ok(answer)
}
