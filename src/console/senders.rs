//! Who may send: adding connections, rotating their secrets, taking them out of use. For the API and the pages alike; each
//! deed with its line in the operator log, in the same transaction. A secret is given back to who has just made it, once.

use std::borrow::Cow;
use std::time::Duration;

use uuid::Uuid;

use super::{Console, address};
use crate::access::{Scope, TenantScope};
use crate::domain::secret_strength::{SecretMaker, SourceKind, weakness};
use crate::redact::Secret;
use crate::store::directory::{self, NewConnection, unguessable};
use crate::store::operator_log::{Action, Id, Line};
use crate::store::roster::connections::{self, ConnectionRow, Overlap};
use crate::store::source_tokens::{TOKENS_MAX, TokenUse};

/// How long the old secrets stay good when nobody says: long enough to change it at the platform.
pub const OVERLAP_HOURS: u64 = 24;
/// And at most: a month.
pub const OVERLAP_HOURS_MAX: u64 = 31 * 24;

/// A connection to be added.
#[derive(Clone, Debug)]
pub struct NewSender {
    /// The platform.
    pub provider: String,
    /// What it can do.
    pub kind: SourceKind,
    /// Its name; left out where the URL has a token: the first that is free.
    pub slug: Option<String>,
    /// The platform's secret; `None`: one is made, where the platform takes it.
    pub secret: Option<Secret>,
    /// Addresses and networks that may send; empty: any.
    pub allowed_addresses: Vec<String>,
    /// The region of its national numbers; `None`: the tenant's.
    pub region: Option<String>,
}

/// A connection that was made.
#[derive(Debug)]
pub struct MadeSender {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub slug: String,
    /// To be pasted into the platform.
    pub url: Secret,
    /// Whether a token in the URL verifies.
    pub url_is_secret: bool,
    /// Its secret, if it was made here.
    pub secret: Option<Secret>,
    /// To be typed into the platform's form beside the URL.
    pub verify_token: Option<Secret>,
}

/// How a secret or a token is added.
#[derive(Clone, Copy, Debug)]
pub struct Rotation {
    /// The id that it gets. The same id twice is the same deed twice, and done once.
    pub id: Uuid,
    /// How long the older ones stay good.
    pub overlap_hours: u64,
    /// They end then even if the new one has verified nothing.
    pub even_unreplaced: bool,
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
    /// To be pasted into the platform: the URL with the token in it.
    pub url: Secret,
    /// The token by itself, for a header.
    pub token: Secret,
    /// Old ones that end.
    pub ending: u64,
}

/// Why nothing was done.
#[derive(Debug)]
pub enum Refused {
    /// It cannot be.
    Unfit(Cow<'static, str>),
    /// The platform has a connection of this slug.
    Taken,
    /// The same was done before: a form that was sent twice.
    Repeated,
    /// There is no such connection, or it is not theirs.
    NotFound,
    /// The database would not.
    Away(sqlx::Error),
}

impl From<sqlx::Error> for Refused {
    fn from(error: sqlx::Error) -> Self {
        Self::Away(error)
    }
}

impl Console {
    /// Adds a connection of a tenant.
    pub async fn add_sender(&self, scope: &TenantScope, sender: NewSender) -> Result<MadeSender, Refused> {
        if !sender.allowed_addresses.iter().all(|text| address::parse(text).is_some()) {
            return Err(Refused::Unfit("allowed addresses are addresses or networks, such as 192.0.2.0/24".into()));
        }
        let mut transaction = self.begin().await?;
        let (new, is_made) = named(&mut transaction, sender, scope.tenant()).await?;
        let added = directory::add_connection(&mut transaction, &self.keys, &new).await.map_err(taken)?;
        let line = Line::of(scope.scope(), Action::AddConnection).with("connection_id", added.id);
        line.with("provider", Id(&new.provider)).write(&mut transaction).await?;
        transaction.commit().await?;
        let last = added.url_token.as_ref().map_or(new.slug.as_str(), Secret::expose);
        Ok(MadeSender {
            id: added.id,
            url: Secret::new(format!("{}/webhooks/{}/{last}", self.base_url, new.provider)),
            slug: new.slug,
            url_is_secret: new.url_is_secret,
            secret: new.secret.filter(|_| is_made),
            verify_token: new.verify_token,
        })
    }

    /// Gives a connection a further secret; the old ones stay good for so many hours. `kind`: of a platform.
    pub async fn rotate_secret(
        &self,
        scope: &Scope,
        id: Uuid,
        given: Option<Secret>,
        rotation: Rotation,
        kind: impl Fn(&str) -> Option<SourceKind>,
    ) -> Result<Rotated, Refused> {
        let overlap = overlap(rotation)?;
        let mut transaction = self.begin().await?;
        let (_, kind) = self.theirs(&mut transaction, scope, id, kind).await?;
        let (secret, is_made) = secret(given, kind.secret_maker)?;
        let ending =
            connections::add_secret(&mut transaction, &self.keys, id, rotation.id, &secret, Some(overlap)).await;
        let ending = ending.map_err(repeated)?;
        let line = Line::of(scope, Action::RotateSecret).with("connection_id", id);
        let line = line.with("overlap_hours", rotation.overlap_hours);
        line.with("even_unreplaced", rotation.even_unreplaced).write(&mut transaction).await?;
        transaction.commit().await?;
        Ok(Rotated { secret: is_made.then_some(secret), ending })
    }

    /// Makes a new secret URL, or a new token for live requests; the old ones stay good for so many hours.
    pub async fn add_source_token(
        &self,
        scope: &Scope,
        id: Uuid,
        usage: TokenUse,
        rotation: Rotation,
        kind: impl Fn(&str) -> Option<SourceKind>,
    ) -> Result<MadeToken, Refused> {
        let overlap = overlap(rotation)?;
        let mut transaction = self.begin().await?;
        let (row, kind) = self.theirs(&mut transaction, scope, id, kind).await?;
        match usage {
            TokenUse::Live if !kind.takes_live_token => {
                return Err(Refused::Unfit("this platform signs its live requests, or sends none".into()));
            }
            TokenUse::Webhook if !row.url_is_secret => {
                return Err(Refused::Unfit("this connection has no secret URL: its secret or header verifies".into()));
            }
            TokenUse::Live | TokenUse::Webhook => {}
        }
        let key = self.keys.load(&self.pool).await?;
        let made = connections::add_token(&mut transaction, key, id, rotation.id, usage, Some(overlap)).await;
        let Some((token, ending)) = made.map_err(repeated)? else {
            return Err(Refused::Unfit(
                format!("it has {TOKENS_MAX} tokens of this kind already: wait for old ones to end").into(),
            ));
        };
        let line = Line::of(scope, Action::AddSourceToken).with("connection_id", id).with("usage", Id(usage.as_str()));
        let line = line.with("overlap_hours", rotation.overlap_hours);
        line.with("even_unreplaced", rotation.even_unreplaced).write(&mut transaction).await?;
        transaction.commit().await?;
        let url = source_url(&self.base_url, &row.provider, token.expose(), usage);
        Ok(MadeToken { url: Secret::new(url), token, ending })
    }

    async fn theirs(
        &self,
        transaction: &mut sqlx::PgConnection,
        scope: &Scope,
        id: Uuid,
        kind: impl Fn(&str) -> Option<SourceKind>,
    ) -> Result<(ConnectionRow, SourceKind), Refused> {
        if !connections::ids_of(&mut *transaction, scope.tenant_id()).await?.contains(&id) {
            return Err(Refused::NotFound);
        }
        let rows = connections::list(&mut *transaction).await?;
        let row = rows.into_iter().find(|row| row.id == id).ok_or(Refused::NotFound)?;
        let kind = kind(&row.provider).ok_or(Refused::NotFound)?;
        Ok((row, kind))
    }

    /// Takes a connection out of use, or into use again.
    pub async fn set_sender_disabled(&self, scope: &Scope, id: Uuid, is_disabled: bool) -> Result<(), Refused> {
        let mut transaction = self.begin().await?;
        if !connections::ids_of(&mut *transaction, scope.tenant_id()).await?.contains(&id) {
            return Err(Refused::NotFound);
        }
        connections::set_disabled(&mut *transaction, id, is_disabled).await?;
        let action = if is_disabled { Action::DisableConnection } else { Action::EnableConnection };
        Line::of(scope, action).with("connection_id", id).write(&mut transaction).await?;
        Ok(transaction.commit().await?)
    }
}

/// The URL with a token in it. Live requests have paths of their own.
pub fn source_url(base_url: &str, provider: &str, token: &str, usage: TokenUse) -> String {
    let rest = if usage == TokenUse::Live { "/inbound" } else { "" };
    format!("{base_url}/webhooks/{provider}/{token}{rest}")
}

fn overlap(rotation: Rotation) -> Result<Overlap, Refused> {
    if rotation.overlap_hours > OVERLAP_HOURS_MAX {
        return Err(Refused::Unfit("the hours of overlap must be 0 to 744".into()));
    }
    let wait = Duration::from_secs(rotation.overlap_hours * 3600);
    Ok(Overlap { wait, even_unreplaced: rotation.even_unreplaced })
}

/// The connection, and whether its secret is ours. A platform that signs has a secret; one that does not, a secret URL.
async fn named(
    transaction: &mut sqlx::PgConnection,
    sender: NewSender,
    tenant_id: Uuid,
) -> Result<(NewConnection, bool), Refused> {
    let url_is_secret = !sender.kind.signs && sender.secret.is_none();
    let slug = match sender.slug {
        Some(slug) => slug,
        None if url_is_secret => directory::free_slug(transaction, &sender.provider).await?,
        None => return Err(Refused::Unfit("slug is missing".into())),
    };
    let (secret, is_made) = match url_is_secret {
        true => (None, false),
        false => {
            let (secret, is_made) = secret(sender.secret, sender.kind.secret_maker)?;
            (Some(secret), is_made)
        }
    };
    let new = NewConnection {
        tenant_id: Some(tenant_id),
        provider: sender.provider,
        slug,
        url_is_secret,
        allowed_addresses: sender.allowed_addresses,
        region: sender.region,
        verify_token: sender.kind.shakes_hands.then(|| Secret::new(unguessable())),
        secret,
        ..NewConnection::default()
    };
    Ok((new, is_made))
}

/// The secret that was given, or one of ours where the platform takes it; and whether it is ours.
fn secret(given: Option<Secret>, maker: SecretMaker) -> Result<(Secret, bool), Refused> {
    match (given, maker) {
        (Some(secret), maker) => match weakness(&secret, maker.chars_min()) {
            Some(why) => Err(Refused::Unfit(format!("the secret does not do: {why}").into())),
            None => Ok((secret, false)),
        },
        (None, SecretMaker::Us) => Ok((Secret::new(format!("whsec_{}", unguessable())), true)),
        (None, SecretMaker::Platform) => Err(Refused::Unfit(
            "the secret is missing: this platform signs with a key of its own, so one that is made here could never match"
                .into(),
        )),
    }
}

fn repeated(error: sqlx::Error) -> Refused {
    let constraint = error.as_database_error().and_then(|error| error.constraint());
    match constraint {
        Some("connection_secrets_pkey" | "source_tokens_pkey") => Refused::Repeated,
        _ => Refused::Away(error),
    }
}

fn taken(error: sqlx::Error) -> Refused {
    let constraint = error.as_database_error().and_then(|error| error.constraint());
    match constraint {
        Some("connections_provider_slug_key") => Refused::Taken,
        Some(_) => {
            Refused::Unfit("a slug has letters, digits, _ and -; a region is an ISO 3166 code such as US".into())
        }
        None => Refused::Away(error),
    }
}
