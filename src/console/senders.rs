//! Who may send: adding connections, rotating their secrets, taking them out of use. For the API and the pages alike; each
//! deed with its line in the operator log, in the same transaction. A secret is given back to who has just made it, once.

use std::borrow::Cow;
use std::time::Duration;

use uuid::Uuid;

use super::{Console, address};
use crate::access::{Scope, TenantScope};
use crate::redact::Secret;
use crate::store::directory::{self, NewConnection, unguessable};
use crate::store::operator_log::{Action, Id, Line};
use crate::store::roster::connections;

/// How long the old secrets stay good when nobody says: long enough to change it at the platform.
pub const OVERLAP_HOURS: u64 = 24;
/// And at most: a month.
pub const OVERLAP_HOURS_MAX: u64 = 31 * 24;

/// A connection to be added.
#[derive(Clone, Debug, Default)]
pub struct NewSender {
    /// The platform.
    pub provider: String,
    /// Whether it signs what it sends.
    pub signs: bool,
    /// Whether it asks first if the URL is ours.
    pub shakes_hands: bool,
    /// Its name in the URL; where the platform signs nothing it is made here, unguessable.
    pub slug: Option<String>,
    /// The platform's secret; `None`: one is made.
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
    /// To be pasted into the platform.
    pub url: Secret,
    /// Whether the URL is the proof.
    pub url_is_secret: bool,
    /// Its secret, if it was made here.
    pub secret: Option<Secret>,
    /// To be typed into the platform's form beside the URL.
    pub verify_token: Option<Secret>,
}

/// A secret that was added.
#[derive(Debug)]
pub struct Rotated {
    /// It, if it was made here.
    pub secret: Option<Secret>,
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
        let (new, is_made) = named(sender, scope.tenant())?;
        let mut transaction = self.begin().await?;
        let id = directory::add_connection(&mut transaction, &new).await.map_err(taken)?;
        let line = Line::of(scope.scope(), Action::AddConnection).with("connection_id", id);
        line.with("provider", Id(&new.provider)).write(&mut transaction).await?;
        transaction.commit().await?;
        Ok(MadeSender {
            id,
            url: Secret::new(format!("{}/webhooks/{}/{}", self.base_url, new.provider, new.slug)),
            url_is_secret: new.url_is_secret,
            secret: new.secret.filter(|_| is_made),
            verify_token: new.verify_token,
        })
    }

    /// Gives a connection a further secret; the old ones stay good for so many hours.
    pub async fn rotate_secret(
        &self,
        scope: &Scope,
        id: Uuid,
        given: Option<Secret>,
        overlap_hours: u64,
    ) -> Result<Rotated, Refused> {
        if overlap_hours > OVERLAP_HOURS_MAX {
            return Err(Refused::Unfit("the hours of overlap must be 0 to 744".into()));
        }
        let mut transaction = self.begin().await?;
        if !connections::ids_of(&mut *transaction, scope.tenant_id()).await?.contains(&id) {
            return Err(Refused::NotFound);
        }
        let (secret, is_made) = secret(given)?;
        let overlap = Duration::from_secs(overlap_hours * 3600);
        let ending = connections::add_secret(&mut transaction, id, &secret, Some(overlap)).await?;
        let line = Line::of(scope, Action::RotateSecret).with("connection_id", id);
        line.with("overlap_hours", overlap_hours).write(&mut transaction).await?;
        transaction.commit().await?;
        Ok(Rotated { secret: is_made.then_some(secret), ending })
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

/// The connection, and whether its secret is ours. A platform that signs has a secret; one that does not, an unguessable
/// URL.
fn named(sender: NewSender, tenant_id: Uuid) -> Result<(NewConnection, bool), Refused> {
    let url_is_secret = !sender.signs && sender.secret.is_none();
    let slug = match sender.slug {
        Some(_) if url_is_secret => {
            return Err(Refused::Unfit(
                "this platform signs nothing: leave the slug away to get an unguessable URL".into(),
            ));
        }
        Some(slug) => slug,
        None if url_is_secret => unguessable(),
        None => return Err(Refused::Unfit("slug is missing".into())),
    };
    let (secret, is_made) = match url_is_secret {
        true => (None, false),
        false => {
            let (secret, is_made) = secret(sender.secret)?;
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
        verify_token: sender.shakes_hands.then(|| Secret::new(unguessable())),
        secret,
        ..NewConnection::default()
    };
    Ok((new, is_made))
}

/// The secret that was given, or one of ours; and whether it is ours.
fn secret(given: Option<Secret>) -> Result<(Secret, bool), Refused> {
    match given {
        None => Ok((Secret::new(format!("whsec_{}", unguessable())), true)),
        Some(secret) if secret.expose().trim().is_empty() || secret.expose().chars().any(char::is_control) => {
            Err(Refused::Unfit("the secret is empty, or more than one line".into()))
        }
        Some(secret) => Ok((secret, false)),
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
