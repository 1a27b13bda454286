//! `sessions`: random ids whose digests are kept; who is behind each is looked up anew for every request.

use std::net::IpAddr;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::{PgConnection, PgExecutor};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::access::{Actor, ActorKind, Role, Scope};
use crate::crypto::DigestKey;
use crate::redact::Secret;
use crate::store::{attempts, second_factors, users};

/// A session that is good.
#[derive(Clone, Debug)]
pub struct Session {
    /// What a page must show beside the cookie to change anything.
    pub csrf: Secret,
    /// Who is behind it, and what they may see.
    pub scope: Scope,
    /// When they changed something last.
    pub changed_at: Option<DateTime<Utc>>,
}

/// A session, as its owner lists it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SessionRow {
    /// By which it is ended; it opens nothing.
    pub id: Uuid,
    /// token, password or external.
    pub method: String,
    /// Where it began.
    pub address: Option<String>,
    /// The browser in a few words.
    pub browser: Option<String>,
    /// When it began.
    pub created_at: DateTime<Utc>,
    /// When it was used, to the minute.
    pub last_used_at: DateTime<Utc>,
    /// When it ends in any case.
    pub expires_at: DateTime<Utc>,
    /// Whether it is the one that asks.
    pub is_current: bool,
}

/// A session that was just begun.
#[derive(Clone, Debug)]
pub struct Opened {
    /// For the cookie, this once.
    pub id: Secret,
    /// For the page.
    pub csrf: Secret,
}

/// How the holder of a session signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// With a token.
    Token,
    /// With a login name and a password, and the second factor where there is one.
    Password,
    /// By an identity provider.
    External,
}

impl Method {
    const ALL: [Self; 3] = [Self::Token, Self::Password, Self::External];

    fn read(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.as_str() == word)
    }

    /// The word in the table and in the operator log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Password => "password",
            Self::External => "external",
        }
    }
}

/// A session to be opened.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// The token or user behind it.
    pub actor: Actor,
    /// How they signed in.
    pub method: Method,
    /// When it ends in any case.
    pub longest: Duration,
    /// Where it begins.
    pub address: Option<IpAddr>,
    /// The browser in a few words.
    pub browser: Option<String>,
}

/// What ids are digested for.
const PURPOSE: &str = "session";

/// Whether this is the id of a session that was begun here, good or not: said without the database.
pub fn is_issued(key: &DigestKey, id: &Secret) -> bool {
    key.has_issued(PURPOSE, id.expose())
}

/// Begins a session of a token or a user.
pub async fn open(executor: impl PgExecutor<'_>, key: &DigestKey, new: &NewSession) -> Result<Opened, sqlx::Error> {
    let id = key.issue(PURPOSE);
    let opened = Opened { csrf: csrf(key, &id), id };
    let (token_id, user_id) = owner(new.actor);
    sqlx::query_file!(
        "sql/console/open_session.sql",
        &digest(key, &opened.id),
        token_id,
        user_id,
        new.longest.as_secs_f64(),
        new.method.as_str(),
        new.address.map(|address| address.to_string()),
        new.browser.as_deref()
    )
    .execute(executor)
    .await?;
    Ok(opened)
}

/// The session of this id, if it has neither ended nor been idle for too long, and who is behind it is still good.
/// What a page asks by itself is no use of it.
pub async fn find(
    executor: impl PgExecutor<'_>,
    key: &DigestKey,
    id: &Secret,
    idle: Duration,
    is_used: bool,
) -> Result<Option<Session>, sqlx::Error> {
    let row = sqlx::query_file!("sql/console/find_session.sql", &digest(key, id), idle.as_secs_f64(), is_used)
        .fetch_optional(executor)
        .await?;
    Ok(row.and_then(|row| {
        let kind = if row.is_user { ActorKind::User } else { ActorKind::Token };
        let actor = Actor { kind, id: row.actor_id };
        let scope = Scope::new(actor, Role::read(&row.role)?, row.tenant_id);
        Some(Session { csrf: csrf(key, id), scope, changed_at: row.last_change_at })
    }))
}

/// Ends a session. Returns how it began; `None`: it has ended already.
pub async fn close(executor: impl PgExecutor<'_>, key: &DigestKey, id: &Secret) -> Result<Option<Method>, sqlx::Error> {
    let closed = sqlx::query_file_scalar!("sql/console/close_session.sql", &digest(key, id));
    Ok(closed.fetch_optional(executor).await?.as_deref().and_then(Method::read))
}

/// Ends all that a user has opened with what they sign in with: sessions, but not the one that stays, and what they have
/// begun. Within the transaction of the change. Returns how many sessions.
pub async fn close_all(
    connection: &mut PgConnection,
    user_id: Uuid,
    stays: Option<(&DigestKey, &Secret)>,
) -> Result<u64, sqlx::Error> {
    users::lock(&mut *connection, user_id).await?;
    second_factors::end_pending(&mut *connection, user_id).await?;
    attempts::forget_places(&mut *connection, user_id).await?;
    let stays = stays.map(|(key, id)| digest(key, id));
    let done =
        sqlx::query_file!("sql/console/end_sessions.sql", None::<Uuid>, Some(user_id), None::<Uuid>, stays.as_deref())
            .execute(connection)
            .await?;
    Ok(done.rows_affected())
}

/// Ends one session of this actor (`None`: all of them) but not the one that stays; returns how many. What else a user has
/// opened stays.
pub async fn end(
    executor: impl PgExecutor<'_>,
    key: &DigestKey,
    actor: Actor,
    session_id: Option<Uuid>,
    stays: Option<&Secret>,
) -> Result<u64, sqlx::Error> {
    let (token_id, user_id) = owner(actor);
    let stays = stays.map(|id| digest(key, id));
    let done = sqlx::query_file!("sql/console/end_sessions.sql", token_id, user_id, session_id, stays.as_deref())
        .execute(executor)
        .await?;
    Ok(done.rows_affected())
}

/// The sessions of this actor that are good, the newest first. `current`: the one that asks.
pub async fn list(
    executor: impl PgExecutor<'_>,
    key: &DigestKey,
    actor: Actor,
    current: Option<&Secret>,
    idle: Duration,
) -> Result<Vec<SessionRow>, sqlx::Error> {
    let (token_id, user_id) = owner(actor);
    let current = current.map(|id| digest(key, id));
    sqlx::query_file_as!(
        SessionRow,
        "sql/console/list_sessions.sql",
        token_id,
        user_id,
        current.as_deref(),
        idle.as_secs_f64()
    )
    .fetch_all(executor)
    .await
}

/// The token or the user; neither for who has no sessions.
fn owner(actor: Actor) -> (Option<Uuid>, Option<Uuid>) {
    match actor.kind {
        ActorKind::Token => (Some(actor.id), None),
        ActorKind::User => (None, Some(actor.id)),
        // The table refuses a session of neither.
        ActorKind::Cli(_) | ActorKind::Program(_) | ActorKind::Nobody => (None, None),
    }
}

/// A digest needs no slow hash: the id has 256 random bits. With a key, so that nobody who can write to the table can make
/// a session of their own.
fn digest(key: &DigestKey, id: &Secret) -> Vec<u8> {
    key.digest(PURPOSE, id.expose()).to_vec()
}

/// It follows from the session's id, so it lies nowhere.
fn csrf(key: &DigestKey, id: &Secret) -> Secret {
    Secret::new(URL_SAFE_NO_PAD.encode(key.digest("csrf", id.expose())))
}
