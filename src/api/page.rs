//! What lists share: cursors, limits, and whose rows are meant.

use actix_web::http::StatusCode;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::problem::Problem;
use crate::access::{Scope, TenantScope};
use crate::console::{Console, Entry, cursor};
use crate::domain::phone;
use crate::redact::Phone;
use crate::store::people::{Page, Search, Unsearchable};
use crate::store::{directory, reads};

/// Rows of a page when nobody says how many.
const LIMIT: i64 = 50;
/// Rows of a page at most: a page must be read and written in a moment.
const LIMIT_MAX: i64 = 500;

/// What every list gives.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct List<T> {
    items: Vec<T>,
    /// For `?after=`; null: there are no more.
    next: Option<String>,
    /// True where more numbers end in the digits of `search` than are followed (of calls 100, of leads 2,000): rows of the
    /// others are in no page, and one more digit finds them.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    left_out: bool,
}

impl<T> List<T> {
    /// All there is.
    pub(super) fn whole(items: Vec<T>) -> Self {
        Self { items, next: None, left_out: false }
    }
}

impl<T, P: Serialize> From<Page<T, P>> for List<T> {
    fn from(page: Page<T, P>) -> Self {
        let next = page.next.and_then(|place| cursor::encode(&place));
        Self { items: page.items, next, left_out: page.left_out }
    }
}

/// One more row than was asked for says that there is a next page.
pub(super) fn cut<T, P: Serialize>(mut items: Vec<T>, limit: i64, place: impl Fn(&T) -> P) -> List<T> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let is_more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| is_more).map(place);
    Page { items, next, left_out: false }.into()
}

/// How many rows, bounded.
pub(super) fn limit(asked: Option<i64>) -> Result<i64, Problem> {
    match asked {
        None => Ok(LIMIT),
        Some(limit) if (1..=LIMIT_MAX).contains(&limit) => Ok(limit),
        Some(_) => Err(Problem::new(StatusCode::BAD_REQUEST, "limit must be between 1 and 500")),
    }
}

/// The place that a cursor says.
pub(super) fn cursor<T: DeserializeOwned>(after: Option<&str>) -> Result<Option<T>, Problem> {
    let wrong = || Problem::new(StatusCode::BAD_REQUEST, "after is no cursor of this list");
    after.map(|text| cursor::decode(text).ok_or_else(wrong)).transpose()
}

/// Whose rows are meant, where nothing else can be asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Of {
    /// The slug of the tenant; needed by who sees several.
    pub(super) tenant: Option<String>,
}

/// The scope of a request, narrowed to the tenant of this slug; without one it is as wide as its token.
pub(super) async fn scope(entry: &Entry, console: &Console, tenant: Option<&str>) -> Result<Scope, Problem> {
    match tenant {
        None => Ok(entry.scope),
        Some(slug) => Ok(*narrowed(entry, find(console, slug).await?)?.scope()),
    }
}

/// The one tenant of a request: that of its token, the one that it names, or the only one there is.
pub(super) async fn tenant(entry: &Entry, console: &Console, tenant: Option<&str>) -> Result<TenantScope, Problem> {
    let id = match (tenant, entry.scope.tenant_id()) {
        (Some(slug), _) => find(console, slug).await?,
        (None, Some(own)) => own,
        (None, None) => reads::sole_tenant(console.pool())
            .await?
            .ok_or(Problem::new(StatusCode::BAD_REQUEST, "there are several tenants: name one with ?tenant="))?,
    };
    narrowed(entry, id)
}

/// A number as it is kept; who sees masks only may not look for whole ones, or they would find out by trying.
pub(super) fn number(scope: &Scope, text: Option<String>) -> Result<Option<String>, Problem> {
    let Some(text) = text else { return Ok(None) };
    if !scope.may(crate::access::Right::SeeWhole) {
        return Err(Problem::forbidden("who sees masks only cannot look for a number"));
    }
    // A plus in a query is a space if nobody wrote %2B.
    let text = text.trim();
    let text = if text.starts_with('+') { text.to_owned() } else { format!("+{text}") };
    let wrong = || Problem::new(StatusCode::BAD_REQUEST, "number must be in E.164, such as +15550100123");
    phone::e164(&Phone::new(text), "US").map(|number| Some(number.into_exposed())).ok_or_else(wrong)
}

/// What was typed to search for, if who asks may search for it.
pub(super) fn search(scope: &Scope, typed: Option<&str>) -> Result<Option<Search>, Problem> {
    let read = typed.map(|typed| Search::read(scope, typed)).transpose();
    read.map_err(|error| match error {
        Unsearchable::Masked => Problem::forbidden(error.to_string()),
        Unsearchable::Empty | Unsearchable::Long => Problem::new(StatusCode::BAD_REQUEST, error.to_string()),
    })
}

async fn find(console: &Console, slug: &str) -> Result<Uuid, Problem> {
    directory::find_tenant(console.pool(), slug).await?.ok_or_else(not_yours)
}

fn narrowed(entry: &Entry, tenant_id: Uuid) -> Result<TenantScope, Problem> {
    entry.scope.within(tenant_id).ok_or_else(not_yours)
}

fn not_yours() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "no such tenant, or not yours")
}
