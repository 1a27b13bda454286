//! `/connections`: who may send, and with which secrets. A secret is shown once, to who has just made it.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, Query, ReqData};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::json::Json;
use super::page::{self, List, Of};
use super::problem::Problem;
use crate::console::{Console, Entry, address};
use crate::providers::{self, Provider};
use crate::redact::Secret;
use crate::store::directory::{self, NewConnection, unguessable};
use crate::store::operator_log;
use crate::store::roster::connections::{self, ConnectionRow};

/// How long the old secrets stay good when nobody says: long enough to change it at the platform.
const OVERLAP_HOURS: u64 = 24;
/// And at most: a month.
const OVERLAP_HOURS_MAX: u64 = 31 * 24;

/// A connection to be added.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewSender {
    /// The slug of the tenant; needed by who sees several.
    tenant: Option<String>,
    /// The platform.
    provider: String,
    /// Its name in the URL; where the platform signs nothing it is made by us, unguessable.
    slug: Option<String>,
    /// The platform's secret; absent: one is made and shown this once.
    #[schema(value_type = Option<String>)]
    secret: Option<Secret>,
    /// Addresses and networks that may send; empty: any.
    #[serde(default)]
    allowed_addresses: Vec<String>,
    /// ISO 3166 code that its national numbers are read in; absent: the tenant's.
    region: Option<String>,
}

/// A connection that was made.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct MadeSender {
    id: Uuid,
    /// To be pasted into the platform; where the platform signs nothing it is the secret, and shown this once.
    url: String,
    /// Shown this once; null: you have given it, or the URL is it.
    secret: Option<String>,
    /// To be typed into the platform's form beside the URL (WhatsApp); shown this once.
    verify_token: Option<String>,
}

/// A further secret.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Rotate {
    /// The platform's new secret; absent: one is made and shown this once.
    #[schema(value_type = Option<String>)]
    secret: Option<Secret>,
    /// How many hours the old ones stay good; 24 when nobody says.
    #[schema(minimum = 0, maximum = 744)]
    overlap_hours: Option<u64>,
}

/// A secret that was made.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Rotated {
    id: Uuid,
    /// Shown this once; null: you have given it.
    secret: Option<String>,
    /// Old ones that end.
    ending: u64,
}

/// The connections of a tenant, or of all, without their secrets.
#[utoipa::path(get, path = "/api/v1/connections", tag = "setup", params(Of),
               responses((status = 200, body = List<ConnectionRow>)))]
pub(super) async fn list(
    entry: ReqData<Entry>,
    console: Data<Console>,
    query: Query<Of>,
) -> Result<Json<List<ConnectionRow>>, Problem> {
    let scope = page::scope(&entry, &console, query.tenant.as_deref()).await?;
    let mut transaction = console.begin().await?;
    let theirs = connections::ids_of(&mut *transaction, scope.tenant_id()).await?;
    let mut rows = connections::list(&mut *transaction).await?;
    rows.retain(|row| theirs.contains(&row.id));
    for row in rows.iter_mut().filter(|row| row.url_is_secret) {
        row.slug = row.slug.chars().take(4).chain(['…']).collect();
    }
    Ok(Json(List::whole(rows)))
}

/// Add a connection.
#[utoipa::path(post, path = "/api/v1/connections", tag = "setup", request_body = NewSender,
               responses((status = 200, body = MadeSender), (status = 409, description = "The slug is taken")))]
pub(super) async fn create(
    entry: ReqData<Entry>,
    console: Data<Console>,
    body: Json<NewSender>,
) -> Result<Json<MadeSender>, Problem> {
    let body = body.into_inner();
    let scope = page::tenant(&entry, &console, body.tenant.as_deref()).await?;
    let provider = providers::find(&body.provider).ok_or_else(|| Problem::unfit("there is no such platform"))?;
    if !body.allowed_addresses.iter().all(|text| address::parse(text).is_some()) {
        return Err(Problem::unfit("allowed_addresses are addresses or networks, such as 192.0.2.0/24"));
    }
    let (new, made) = named(provider, body, scope.tenant())?;
    let mut transaction = console.begin().await?;
    let id = directory::add_connection(&mut transaction, &new).await.map_err(taken)?;
    let details = json!({ "connection_id": id, "provider": new.provider });
    operator_log::log(&mut transaction, &entry.scope.actor().to_string(), "add_connection", 1, &details).await?;
    transaction.commit().await?;
    Ok(Json(MadeSender {
        id,
        url: format!("{}/webhooks/{}/{}", console.base_url, new.provider, new.slug),
        secret: made.then(|| new.secret.map(Secret::into_exposed)).flatten(),
        verify_token: new.verify_token.map(Secret::into_exposed),
    }))
}

/// Give a connection a further secret; the old ones stay good for a while.
#[utoipa::path(post, path = "/api/v1/connections/{id}/rotate", tag = "setup", params(("id" = Uuid, Path)),
               request_body = Rotate, responses((status = 200, body = Rotated)))]
pub(super) async fn rotate(
    entry: ReqData<Entry>,
    console: Data<Console>,
    id: Path<Uuid>,
    body: Json<Rotate>,
) -> Result<Json<Rotated>, Problem> {
    let overlap_hours = body.overlap_hours.unwrap_or(OVERLAP_HOURS);
    if overlap_hours > OVERLAP_HOURS_MAX {
        return Err(Problem::unfit("overlap_hours must be 0 to 744"));
    }
    let mut transaction = console.begin().await?;
    if !connections::ids_of(&mut *transaction, entry.scope.tenant_id()).await?.contains(&id) {
        return Err(Problem::not_found());
    }
    let (secret, is_made) = secret(body.into_inner().secret)?;
    let overlap = Duration::from_secs(overlap_hours * 3600);
    let ending = connections::add_secret(&mut transaction, *id, &secret, Some(overlap)).await?;
    let details = json!({ "connection_id": *id, "overlap_hours": overlap_hours });
    operator_log::log(&mut transaction, &entry.scope.actor().to_string(), "rotate_secret", 1, &details).await?;
    transaction.commit().await?;
    Ok(Json(Rotated { id: *id, secret: is_made.then(|| secret.into_exposed()), ending }))
}

/// The connection, and whether its secret is ours. A platform that signs has a secret; one that does not, an unguessable
/// URL.
fn named(provider: &dyn Provider, body: NewSender, tenant_id: Uuid) -> Result<(NewConnection, bool), Problem> {
    let url_is_secret = !provider.signs() && body.secret.is_none();
    let slug = match body.slug {
        Some(_) if url_is_secret => {
            return Err(Problem::unfit("this platform signs nothing: leave slug away to get an unguessable URL"));
        }
        Some(slug) => slug,
        None if url_is_secret => unguessable(),
        None => return Err(Problem::unfit("slug is missing")),
    };
    let (secret, is_made) = match url_is_secret {
        true => (None, false),
        false => {
            let (secret, is_made) = secret(body.secret)?;
            (Some(secret), is_made)
        }
    };
    let new = NewConnection {
        tenant_id: Some(tenant_id),
        provider: provider.name().to_owned(),
        slug,
        url_is_secret,
        allowed_addresses: body.allowed_addresses,
        region: body.region,
        verify_token: provider.shakes_hands().then(|| Secret::new(unguessable())),
        secret,
        ..NewConnection::default()
    };
    Ok((new, is_made))
}

/// The secret that was given, or one of ours; and whether it is ours.
fn secret(given: Option<Secret>) -> Result<(Secret, bool), Problem> {
    match given {
        None => Ok((Secret::new(format!("whsec_{}", unguessable())), true)),
        Some(secret) if secret.expose().trim().is_empty() || secret.expose().chars().any(char::is_control) => {
            Err(Problem::unfit("the secret is empty, or more than one line"))
        }
        Some(secret) => Ok((secret, false)),
    }
}

fn taken(error: sqlx::Error) -> Problem {
    let constraint = error.as_database_error().and_then(|error| error.constraint());
    match constraint {
        Some("connections_provider_slug_key") => {
            Problem::new(StatusCode::CONFLICT, "the platform has a connection of this slug already")
        }
        Some(_) => Problem::unfit("a slug has letters, digits, _ and -; a region is an ISO 3166 code such as US"),
        None => error.into(),
    }
}
