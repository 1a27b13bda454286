//! A source to be added: what it must have, and what is made for it.

use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::{secret, strong};
use crate::access::Scope;
use crate::admin::AdminError;
use crate::console::address;
use crate::crypto::Keys;
use crate::domain::secret_strength::SECRET_CHARS_MIN;
use crate::providers;
use crate::redact::Secret;
use crate::store::directory::{self, NewConnection, unguessable};
use crate::store::operator_log::{Action, Id, Line};

/// A source to be added.
#[derive(Clone, Debug, Default)]
pub struct NewSource {
    /// Its tenant; `None`: shared.
    pub tenant_id: Option<Uuid>,
    /// The platform.
    pub provider: String,
    /// Its name; left out where the URL has a token: the first that is free.
    pub slug: Option<String>,
    /// Whether `/webhooks/{provider}` means this one.
    pub is_default: bool,
    /// The platform's secret; `None`: one is made, where the platform takes it and nothing else verifies.
    pub secret: Option<Secret>,
    /// A static header that must be there as well.
    pub header: Option<(String, Secret)>,
    /// Whether a token in the URL verifies, as it does where the platform signs nothing and nothing else verifies.
    pub url_is_secret: bool,
    /// That token, where a platform has it already.
    pub url_token: Option<Secret>,
    /// Webhooks need no verification, in so many words.
    pub allow_unsigned: bool,
    /// What the platform must name when it asks whether the URL is ours; `None`: one is made where it asks.
    pub verify_token: Option<Secret>,
    /// Addresses and networks that may send; empty: any.
    pub allowed_addresses: Vec<String>,
    /// The region of its national numbers; `None`: the tenant's.
    pub region: Option<String>,
}

/// A source that was added.
#[derive(Debug)]
pub struct AddedSource {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub slug: String,
    /// The token of its URL.
    pub url_token: Option<Secret>,
    /// Its secret, if it was made here.
    pub secret: Option<Secret>,
    /// Its verify token, if it was made here.
    pub verify_token: Option<Secret>,
}

impl AddedSource {
    /// The URL to be pasted into the platform.
    pub fn url(&self, base_url: &str, provider: &str) -> Secret {
        let last = self.url_token.as_ref().map_or(self.slug.as_str(), Secret::expose);
        Secret::new(format!("{base_url}/webhooks/{provider}/{last}"))
    }
}

/// Adds a source, of a tenant or shared.
pub async fn add(pool: &PgPool, scope: &Scope, keys: &Keys, new: NewSource) -> Result<AddedSource, AdminError> {
    if scope.tenant_id().is_some() && scope.tenant_id() != new.tenant_id {
        return Err(AdminError::NeedsAllTenants("only an administrator of all tenants can add a source for others"));
    }
    keys.load(pool).await?;
    let mut transaction = pool.begin().await?;
    let (new, is_made) = named(&mut transaction, new).await?;
    let added = directory::add_connection(&mut transaction, keys, &new).await.map_err(|error| taken(error, &new))?;
    let line = Line::of(scope, Action::AddConnection).tenant(new.tenant_id).with("connection_id", added.id);
    line.with("provider", Id(&new.provider)).with("shared", new.tenant_id.is_none()).write(&mut transaction).await?;
    transaction.commit().await?;
    Ok(AddedSource {
        id: added.id,
        slug: new.slug,
        url_token: added.url_token,
        secret: new.secret.filter(|_| is_made.secret),
        verify_token: new.verify_token.filter(|_| is_made.verify_token),
    })
}

/// What of a new source was made here.
struct IsMade {
    secret: bool,
    verify_token: bool,
}

/// The source as it is kept. A platform that signs has a secret; one that does not, a secret URL.
async fn named(connection: &mut PgConnection, new: NewSource) -> Result<(NewConnection, IsMade), AdminError> {
    let invalid = |text: String| Err(AdminError::Invalid(text.into()));
    let Some(kind) = providers::source_kind(&new.provider) else {
        return invalid("there is no such platform".to_owned());
    };
    if !new.allowed_addresses.iter().all(|text| address::parse(text).is_some()) {
        return invalid("allowed addresses are addresses or networks, such as 192.0.2.0/24".to_owned());
    }
    if let Some((_, value)) = &new.header {
        strong(value, SECRET_CHARS_MIN)?;
    }
    let is_verified = new.secret.is_some() || new.header.is_some() || new.allow_unsigned;
    let url_is_secret = new.url_is_secret || new.url_token.is_some() || (!kind.signs && !is_verified);
    if url_is_secret && (new.secret.is_some() || new.allow_unsigned) {
        return invalid("a secret URL verifies by itself: leave the secret out".to_owned());
    }
    if let Some(token) = &new.url_token {
        strong(token, SECRET_CHARS_MIN)?;
        if !is_name(token.expose()) {
            return invalid("the token stands in a URL: it has letters, digits, _ and -, 128 at most".to_owned());
        }
    }
    let (secret, is_secret_made) = match (new.secret, url_is_secret || new.header.is_some() || new.allow_unsigned) {
        (None, true) => (None, false),
        (given, _) => {
            let (secret, is_made) = secret(given, kind.secret_maker)?;
            (Some(secret), is_made)
        }
    };
    let is_verify_token_made = kind.shakes_hands && new.verify_token.is_none();
    let verify_token = match new.verify_token {
        Some(_) if !kind.shakes_hands => return invalid(format!("{} asks for no verify token", new.provider)),
        Some(token) => {
            strong(&token, SECRET_CHARS_MIN)?;
            Some(token)
        }
        None => kind.shakes_hands.then(|| Secret::new(unguessable())),
    };
    let slug = match new.slug {
        Some(slug) => slug,
        None if url_is_secret => directory::free_slug(connection, &new.provider).await?,
        None => return invalid("slug is missing".to_owned()),
    };
    let new = NewConnection {
        tenant_id: new.tenant_id,
        provider: new.provider,
        slug,
        allow_unsigned: new.allow_unsigned,
        url_is_secret,
        url_token: new.url_token,
        is_default: new.is_default,
        header: new.header,
        allowed_addresses: new.allowed_addresses,
        region: new.region,
        verify_token,
        secret,
    };
    Ok((new, IsMade { secret: is_secret_made, verify_token: is_verify_token_made }))
}

/// As the table takes a name.
fn is_name(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    let begins = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
    begins && text.len() <= 128 && text.bytes().all(is_plain)
}

fn taken(error: sqlx::Error, new: &NewConnection) -> AdminError {
    let constraint = error.as_database_error().and_then(|error| error.constraint());
    match constraint {
        Some("connections_provider_slug_key") => {
            AdminError::Conflict(format!("{} has a connection of this slug already", new.provider).into())
        }
        Some("connections_default_idx") => {
            AdminError::Conflict(format!("{} has a default connection already", new.provider).into())
        }
        Some("source_tokens_digest_key") => AdminError::Conflict("another source has this token already".into()),
        Some("connections_slug_check" | "connections_region_check") => {
            AdminError::Invalid("a slug has letters, digits, _ and -; a region is an ISO 3166 code such as US".into())
        }
        _ => error.into(),
    }
}
