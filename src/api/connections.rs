//! `/connections`: who may send, and with which secrets. A secret is shown once, to who has just made it.

use actix_web::web::{Data, Path, Query, ReqData};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::answer::Changed;
use super::json::Json;
use super::page::{self, List, Of};
use super::problem::Problem;
use crate::admin::sources::{self, NewSource, OVERLAP_HOURS, Rotation, source_url};
use crate::admin::test_event;
use crate::console::{Console, Entry};
use crate::redact::Secret;
use crate::store::roster::connections::{self, ConnectionRow, SecretRow};
use crate::store::source_tokens::TokenUse;

/// A connection to be added.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewSender {
    /// The slug of the tenant; needed by who sees several.
    tenant: Option<String>,
    /// The platform.
    provider: String,
    /// Its name; where the platform signs nothing it may be left out.
    slug: Option<String>,
    /// The platform's secret; absent: one is made and shown this once, where the platform takes it.
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
    /// Its name.
    slug: String,
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
    /// The platform's new secret; absent: one is made and shown this once, where the platform takes it.
    #[schema(value_type = Option<String>)]
    secret: Option<Secret>,
    /// How many hours the old ones stay good; 24 when nobody says. One that works is kept until the new one has verified
    /// something, unless `even_unreplaced`.
    #[schema(minimum = 0, maximum = 744)]
    overlap_hours: Option<u64>,
    /// Ends the old ones after those hours even if the new one has verified nothing, as after a leak.
    #[serde(default)]
    even_unreplaced: bool,
}

/// A new secret URL, or a token for live requests.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewToken {
    /// Whether it is for live requests (who is calling, tools), where the platform does not sign them.
    #[serde(default)]
    live: bool,
    /// How many hours the old ones stay good; 24 when nobody says. One that works is kept until the new one has verified
    /// something, unless `even_unreplaced`.
    #[schema(minimum = 0, maximum = 744)]
    overlap_hours: Option<u64>,
    /// Ends the old ones after those hours even if the new one has verified nothing, as after a leak.
    #[serde(default)]
    even_unreplaced: bool,
}

/// A token that was made.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct MadeToken {
    id: Uuid,
    /// The URL with the token in it; shown this once.
    url: String,
    /// The token by itself, for `Authorization: Bearer`; shown this once.
    token: String,
    /// Old ones that end.
    ending: u64,
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

/// A test event that went in.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Tested {
    /// It, for `/events/{id}`: it is settled as ignored.
    event_id: Uuid,
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
    let provider = body.provider.clone();
    let new = NewSource {
        tenant_id: Some(scope.tenant()),
        provider: body.provider,
        slug: body.slug,
        secret: body.secret,
        allowed_addresses: body.allowed_addresses,
        region: body.region,
        ..NewSource::default()
    };
    let made = sources::add(console.pool(), scope.scope(), console.keys(), new).await?;
    let url = made.url(&console.base_url, &provider);
    Ok(Json(MadeSender {
        id: made.id,
        slug: made.slug,
        url: url.into_exposed(),
        secret: made.secret.map(Secret::into_exposed),
        verify_token: made.verify_token.map(Secret::into_exposed),
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
    let body = body.into_inner();
    let rotation = rotation(body.overlap_hours, body.even_unreplaced);
    let rotated = sources::add_secret(console.pool(), &entry.scope, console.keys(), *id, body.secret, rotation).await?;
    Ok(Json(Rotated { id: *id, secret: rotated.secret.map(Secret::into_exposed), ending: rotated.ending }))
}

/// Make a new secret URL, or a token for live requests; the old ones stay good for a while.
#[utoipa::path(post, path = "/api/v1/connections/{id}/url", tag = "setup", params(("id" = Uuid, Path)),
               request_body = NewToken, responses((status = 200, body = MadeToken)))]
pub(super) async fn url(
    entry: ReqData<Entry>,
    console: Data<Console>,
    id: Path<Uuid>,
    body: Json<NewToken>,
) -> Result<Json<MadeToken>, Problem> {
    let body = body.into_inner();
    let usage = if body.live { TokenUse::Live } else { TokenUse::Webhook };
    let rotation = rotation(body.overlap_hours, body.even_unreplaced);
    let made = sources::add_token(console.pool(), &entry.scope, console.keys(), *id, usage, rotation).await?;
    let url = source_url(&console.base_url, &made.provider, &made.token, usage);
    Ok(Json(MadeToken { id: *id, url, token: made.token.into_exposed(), ending: made.ending }))
}

fn rotation(overlap_hours: Option<u64>, even_unreplaced: bool) -> Rotation {
    Rotation::after_hours(Uuid::now_v7(), overlap_hours.unwrap_or(OVERLAP_HOURS), even_unreplaced)
}

/// The secrets and tokens of a connection that are good, or were within a week, the newest first; never what they are.
#[utoipa::path(get, path = "/api/v1/connections/{id}/secrets", tag = "setup", params(("id" = Uuid, Path)),
               responses((status = 200, body = List<SecretRow>)))]
pub(super) async fn secrets(
    entry: ReqData<Entry>,
    console: Data<Console>,
    id: Path<Uuid>,
) -> Result<Json<List<SecretRow>>, Problem> {
    let mut transaction = console.begin().await?;
    if !connections::ids_of(&mut *transaction, entry.scope.tenant_id()).await?.contains(&id) {
        return Err(Problem::not_found());
    }
    Ok(Json(List::whole(connections::secrets(&mut *transaction, &[*id]).await?)))
}

/// Take a connection out of use: what is sent to it is refused within a second.
#[utoipa::path(post, path = "/api/v1/connections/{id}/disable", tag = "setup", params(("id" = Uuid, Path)),
               responses((status = 200, body = Changed)))]
pub(super) async fn disable(
    entry: ReqData<Entry>,
    console: Data<Console>,
    id: Path<Uuid>,
) -> Result<Json<Changed>, Problem> {
    sources::set_disabled(console.pool(), &entry.scope, *id, true).await?;
    Ok(Json(Changed { id: *id }))
}

/// Take a connection into use again.
#[utoipa::path(post, path = "/api/v1/connections/{id}/enable", tag = "setup", params(("id" = Uuid, Path)),
               responses((status = 200, body = Changed)))]
pub(super) async fn enable(
    entry: ReqData<Entry>,
    console: Data<Console>,
    id: Path<Uuid>,
) -> Result<Json<Changed>, Problem> {
    sources::set_disabled(console.pool(), &entry.scope, *id, false).await?;
    Ok(Json(Changed { id: *id }))
}

/// Try a connection: what its platform would send is verified by its newest secret, then an event goes in that changes
/// nothing.
#[utoipa::path(post, path = "/api/v1/connections/{id}/test", tag = "setup", params(("id" = Uuid, Path)),
               responses((status = 200, body = Tested)))]
pub(super) async fn test(
    entry: ReqData<Entry>,
    console: Data<Console>,
    id: Path<Uuid>,
) -> Result<Json<Tested>, Problem> {
    let sent = test_event::send(console.pool(), &entry.scope, console.keys(), *id, console.now()).await?;
    Ok(Json(Tested { event_id: sent }))
}
