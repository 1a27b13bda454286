//! Sources of webhooks: adding them, giving them secrets and tokens, taking them out of use. One set of rules for the command
//! line, the API and the pages. A secret is given back to the one who has just made it, once.

mod new;

use std::time::Duration;

use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::AdminError;
use crate::access::Scope;
use crate::crypto::Keys;
use crate::domain::secret_strength::{SECRET_CHARS_MIN, SecretMaker, SourceKind, weakness};
use crate::providers;
use crate::redact::Secret;
use crate::store::directory::unguessable;
use crate::store::operator_log::{Action, Id, Line};
use crate::store::roster::connections::{self, ConnectionRow, Overlap};
use crate::store::source_tokens::{self, TOKENS_MAX, TokenUse};

pub use new::{AddedSource, NewSource, add};

/// How long the old secrets stay good when a form does not say: long enough to change it at the platform.
pub const OVERLAP_HOURS: u64 = 24;
/// And at most, unless it is for ever: a month.
pub const OVERLAP_HOURS_MAX: u64 = 31 * 24;

/// A further secret or token.
#[derive(Clone, Copy, Debug)]
pub struct Rotation {
    /// The id that it gets. The same id twice is the same deed twice, and done once.
    pub id: Uuid,
    /// How long the older ones stay good; `None`: for ever.
    pub overlap: Option<Overlap>,
}

impl Rotation {
    /// With so many hours of overlap.
    pub fn after_hours(id: Uuid, hours: u64, even_unreplaced: bool) -> Self {
        Self { id, overlap: Some(Overlap { wait: Duration::from_secs(hours.saturating_mul(3600)), even_unreplaced }) }
    }
}

/// A secret that was added.
#[derive(Debug)]
pub struct Rotated {
    /// It, if it was made here.
    pub secret: Option<Secret>,
    /// Old ones that end.
    pub ending: u64,
}

/// A token that was added.
#[derive(Debug)]
pub struct MadeToken {
    /// The token by itself, for a header.
    pub token: Secret,
    /// The platform.
    pub provider: String,
    /// Old ones that end.
    pub ending: u64,
}

/// Gives a source a further secret. `given`: the platform's; `None`: one is made, where the platform takes it.
pub async fn add_secret(
    pool: &PgPool,
    scope: &Scope,
    keys: &Keys,
    id: Uuid,
    given: Option<Secret>,
    rotation: Rotation,
) -> Result<Rotated, AdminError> {
    let mut transaction = pool.begin().await?;
    let (row, kind) = theirs(&mut transaction, scope, id).await?;
    let (secret, is_made) = secret(given, kind.secret_maker)?;
    let overlap = overlap(rotation)?;
    let ending = connections::add_secret(&mut transaction, keys, row.id, rotation.id, &secret, overlap).await;
    let ending = ending.map_err(repeated)?;
    rotated(&mut transaction, scope, Action::RotateSecret, id, rotation, ending, None).await?;
    transaction.commit().await?;
    Ok(Rotated { secret: is_made.then_some(secret), ending })
}

/// Makes a new secret URL, or a new token for live requests.
pub async fn add_token(
    pool: &PgPool,
    scope: &Scope,
    keys: &Keys,
    id: Uuid,
    usage: TokenUse,
    rotation: Rotation,
) -> Result<MadeToken, AdminError> {
    let key = keys.load(pool).await?;
    let mut transaction = pool.begin().await?;
    let (row, kind) = theirs(&mut transaction, scope, id).await?;
    token_fits(&row, kind, usage)?;
    let overlap = overlap(rotation)?;
    let made = connections::add_token(&mut transaction, key, id, rotation.id, usage, overlap).await;
    let (token, ending) = made.map_err(repeated)?.ok_or_else(|| {
        AdminError::Conflict(
            format!("{}/{} has {TOKENS_MAX} tokens of this kind already: let old ones end", row.provider, row.slug)
                .into(),
        )
    })?;
    rotated(&mut transaction, scope, Action::AddSourceToken, id, rotation, ending, Some(usage)).await?;
    transaction.commit().await?;
    Ok(MadeToken { token, provider: row.provider, ending })
}

/// Ends the live tokens of a source at once; returns how many there were, and what its live requests need now.
pub async fn end_live_tokens(pool: &PgPool, scope: &Scope, id: Uuid) -> Result<(u64, String), AdminError> {
    let mut transaction = pool.begin().await?;
    let (row, kind) = theirs(&mut transaction, scope, id).await?;
    token_fits(&row, kind, TokenUse::Live)?;
    source_tokens::expire(&mut *transaction, id, TokenUse::Live, Duration::ZERO, true).await?;
    let ended = u64::try_from(row.live_tokens).unwrap_or_default();
    let tenant_id = connections::tenant_of(&mut *transaction, id).await?;
    let line = Line::of(scope, Action::EndLiveTokens).tenant(tenant_id).with("connection_id", id);
    line.with("ended", ended).write(&mut transaction).await?;
    transaction.commit().await?;
    let (_, needs) = providers::needs_of(&ConnectionRow { live_tokens: 0, ..row });
    Ok((ended, needs))
}

/// Gives a source a verify token, in place of the one it had.
pub async fn set_verify_token(
    pool: &PgPool,
    scope: &Scope,
    keys: &Keys,
    id: Uuid,
    token: &Secret,
) -> Result<(), AdminError> {
    strong(token, SECRET_CHARS_MIN)?;
    let key = keys.load(pool).await?;
    let mut transaction = pool.begin().await?;
    connections::set_verify_token(&mut *transaction, key, id, token).await?;
    let tenant_id = connections::tenant_of(&mut *transaction, id).await?;
    let line = Line::of(scope, Action::SetVerifyToken).tenant(tenant_id).with("connection_id", id);
    line.write(&mut transaction).await?;
    Ok(transaction.commit().await?)
}

/// Takes a source out of use, or into use again.
pub async fn set_disabled(pool: &PgPool, scope: &Scope, id: Uuid, is_disabled: bool) -> Result<(), AdminError> {
    let mut transaction = pool.begin().await?;
    if !connections::ids_of(&mut *transaction, scope.tenant_id()).await?.contains(&id) {
        return Err(AdminError::NotFound);
    }
    connections::set_disabled(&mut *transaction, id, is_disabled).await?;
    let tenant_id = connections::tenant_of(&mut *transaction, id).await?;
    let action = if is_disabled { Action::DisableConnection } else { Action::EnableConnection };
    Line::of(scope, action).tenant(tenant_id).with("connection_id", id).write(&mut transaction).await?;
    Ok(transaction.commit().await?)
}

/// The URL with a token in it. Live requests have paths of their own.
pub fn source_url(base_url: &str, provider: &str, token: &Secret, usage: TokenUse) -> String {
    let rest = if usage == TokenUse::Live { "/inbound" } else { "" };
    format!("{base_url}/webhooks/{provider}/{}{rest}", token.expose())
}

/// The one line of a rotation, whoever asked for it.
async fn rotated(
    connection: &mut PgConnection,
    scope: &Scope,
    action: Action,
    id: Uuid,
    rotation: Rotation,
    ending: u64,
    usage: Option<TokenUse>,
) -> Result<(), sqlx::Error> {
    let tenant_id = connections::tenant_of(&mut *connection, id).await?;
    let mut line = Line::of(scope, action).tenant(tenant_id).with("connection_id", id);
    if let Some(usage) = usage {
        line = line.with("usage", Id(usage.as_str()));
    }
    let overlap = rotation.overlap;
    let line = line.with("overlap_seconds", overlap.map(|overlap| overlap.wait.as_secs()));
    let line = line.with("even_unreplaced", overlap.is_some_and(|overlap| overlap.even_unreplaced));
    line.with("ending", ending).write(connection).await
}

async fn theirs(
    connection: &mut PgConnection,
    scope: &Scope,
    id: Uuid,
) -> Result<(ConnectionRow, SourceKind), AdminError> {
    if !connections::ids_of(&mut *connection, scope.tenant_id()).await?.contains(&id) {
        return Err(AdminError::NotFound);
    }
    let rows = connections::list(&mut *connection).await?;
    let row = rows.into_iter().find(|row| row.id == id).ok_or(AdminError::NotFound)?;
    let kind = providers::source_kind(&row.provider).ok_or(AdminError::NotFound)?;
    Ok((row, kind))
}

fn token_fits(row: &ConnectionRow, kind: SourceKind, usage: TokenUse) -> Result<(), AdminError> {
    let name = &row.provider;
    match usage {
        TokenUse::Live if !kind.takes_live_token => {
            Err(AdminError::Invalid(format!("{name} signs its live requests, or sends none").into()))
        }
        TokenUse::Webhook if !row.url_is_secret => Err(AdminError::Invalid(
            format!("{name}/{} has no secret URL: its secret or its header verifies", row.slug).into(),
        )),
        TokenUse::Live | TokenUse::Webhook => Ok(()),
    }
}

fn overlap(rotation: Rotation) -> Result<Option<Overlap>, AdminError> {
    let longest = Duration::from_secs(OVERLAP_HOURS_MAX * 3600);
    match rotation.overlap {
        Some(overlap) if overlap.wait > longest => {
            Err(AdminError::Invalid("the hours of overlap must be 0 to 744".into()))
        }
        overlap => Ok(overlap),
    }
}

/// The secret that was given, or one of ours where the platform takes it; and whether it is ours.
fn secret(given: Option<Secret>, maker: SecretMaker) -> Result<(Secret, bool), AdminError> {
    match (given, maker) {
        (Some(secret), maker) => {
            strong(&secret, maker.chars_min())?;
            Ok((secret, false))
        }
        (None, SecretMaker::Us) => Ok((Secret::new(format!("whsec_{}", unguessable())), true)),
        (None, SecretMaker::Platform) => Err(AdminError::Invalid(
            "the secret is missing: this platform signs with a key of its own, so one that is made here could never match"
                .into(),
        )),
    }
}

/// Refuses a secret that can be guessed.
fn strong(secret: &Secret, chars_min: usize) -> Result<(), AdminError> {
    match weakness(secret, chars_min) {
        None => Ok(()),
        Some(why) => Err(AdminError::Invalid(format!("the secret does not do: {why}").into())),
    }
}

fn repeated(error: sqlx::Error) -> AdminError {
    let constraint = error.as_database_error().and_then(|error| error.constraint());
    match constraint {
        Some("connection_secrets_pkey" | "source_tokens_pkey") => AdminError::Repeated,
        _ => error.into(),
    }
}
