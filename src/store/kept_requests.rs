//! `kept_requests`: requests to a source that were not verified, sealed, until its secret has been mended or their time is
//! over.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, PgExecutor, PgPool};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::access::Scope;
use crate::crypto::{Keys, purpose};
use crate::redact::{Hidden, Secret};

/// A request as it came in: all that it takes to verify it once more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The method.
    pub method: String,
    /// What stood in the path in a token's place.
    pub path_token: Option<Secret>,
    /// The query string.
    pub query: Secret,
    /// The headers that may verify it, and its media type.
    pub headers: Vec<(String, Secret)>,
    /// The body.
    pub body: Vec<u8>,
}

/// The same as JSON, within the seal only.
#[derive(Serialize, Deserialize)]
struct Written<'a> {
    method: Cow<'a, str>,
    path_token: Option<Cow<'a, str>>,
    query: Cow<'a, str>,
    headers: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    /// Most bodies are text, which base64 would lengthen by a third.
    text: Option<Cow<'a, str>>,
    base64: Option<String>,
}

impl Request {
    /// Bytes that count against what a source may keep.
    pub fn bytes(&self) -> usize {
        self.body.len() + self.query.expose().len()
    }

    /// Sealed for its column.
    pub fn seal(&self, keys: &Keys) -> String {
        let text = std::str::from_utf8(&self.body).ok();
        let written = Written {
            method: Cow::Borrowed(&self.method),
            path_token: self.path_token.as_ref().map(|token| Cow::Borrowed(token.expose())),
            query: Cow::Borrowed(self.query.expose()),
            headers: self.headers.iter().map(|(name, value)| (name.into(), value.expose().into())).collect(),
            text: text.map(Cow::Borrowed),
            base64: text.is_none().then(|| BASE64.encode(&self.body)),
        };
        let written = serde_json::to_string(&written).unwrap_or_default();
        keys.seal(purpose::KEPT_REQUEST, &Secret::new(written))
    }

    /// Opened again. `None`: the key is gone, or it is no request.
    pub fn open(keys: &Keys, sealed: &str) -> Option<Self> {
        let opened = keys.open(purpose::KEPT_REQUEST, sealed).ok()?;
        let written: Written<'_> = serde_json::from_str(opened.expose()).ok()?;
        let body = match (written.text, written.base64) {
            (Some(text), _) => text.into_owned().into_bytes(),
            (None, Some(base64)) => BASE64.decode(base64).ok()?,
            (None, None) => return None,
        };
        Some(Self {
            method: written.method.into_owned(),
            path_token: written.path_token.map(Secret::new),
            query: Secret::new(written.query),
            headers: written.headers.into_iter().map(|(name, value)| (name.into_owned(), Secret::new(value))).collect(),
            body,
        })
    }
}

/// A request that is to be kept.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "migrations/0032_kept_requests.sql says what each is")]
pub struct NewKept {
    pub id: Uuid,
    pub source_id: Uuid,
    pub provider: &'static str,
    pub at: DateTime<Utc>,
    pub network: Option<String>,
    pub is_known: bool,
    pub rank: i32,
    pub reason: String,
    pub bytes: i32,
    /// Sealed.
    pub request: String,
}

/// A kept request, as people look through them: nothing of what is sealed.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = KeptRequest)]
#[expect(missing_docs, reason = "migrations/0032_kept_requests.sql says what each is")]
pub struct KeptItem {
    pub id: Uuid,
    pub at: DateTime<Utc>,
    pub provider: String,
    /// The source's name.
    pub source: String,
    pub network: Option<String>,
    pub reason: String,
    pub bytes: i32,
}

/// A kept request with what it is.
#[derive(Clone, Debug)]
pub struct Kept {
    /// Its id.
    pub id: Uuid,
    /// Its source.
    pub source_id: Uuid,
    /// When it came.
    pub at: DateTime<Utc>,
    /// Sealed.
    pub request: Hidden<String>,
}

/// Which of them.
#[derive(Clone, Debug, Default)]
pub struct Which {
    /// Of this source; `None`: of all that the scope sees.
    pub source_id: Option<Uuid>,
    /// This one alone.
    pub id: Option<Uuid>,
}

/// Keeps requests.
pub async fn add(pool: &PgPool, rows: &[NewKept]) -> Result<(), sqlx::Error> {
    sqlx::query_file!(
        "sql/http/keep_requests.sql",
        rows.iter().map(|row| row.id).collect::<Vec<_>>() as _,
        rows.iter().map(|row| row.source_id).collect::<Vec<_>>() as _,
        rows.iter().map(|row| row.provider).collect::<Vec<_>>() as _,
        rows.iter().map(|row| row.at).collect::<Vec<_>>() as _,
        rows.iter().map(|row| row.network.as_deref()).collect::<Vec<_>>() as _,
        rows.iter().map(|row| row.is_known).collect::<Vec<_>>() as _,
        rows.iter().map(|row| row.rank).collect::<Vec<_>>() as _,
        rows.iter().map(|row| row.reason.as_str()).collect::<Vec<_>>() as _,
        rows.iter().map(|row| row.bytes).collect::<Vec<_>>() as _,
        rows.iter().map(|row| row.request.as_str()).collect::<Vec<_>>() as _,
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// Takes away what is too much of these sources.
pub async fn prune(pool: &PgPool, sources: &[Uuid], requests: i64, bytes: i64) -> Result<(), sqlx::Error> {
    sqlx::query_file!("sql/http/prune_kept_requests.sql", sources, requests, bytes).execute(pool).await?;
    Ok(())
}

/// Takes away what came before this.
pub async fn expire(pool: &PgPool, oldest: DateTime<Utc>) -> Result<(), sqlx::Error> {
    sqlx::query_file!("sql/http/expire_kept_requests.sql", oldest).execute(pool).await?;
    Ok(())
}

/// Kept requests, the newest first, after this one.
pub async fn list(
    connection: &mut PgConnection,
    scope: &Scope,
    source_id: Option<Uuid>,
    after: Option<(DateTime<Utc>, Uuid)>,
    limit: i64,
) -> Result<Vec<KeptItem>, sqlx::Error> {
    let (at, id) = after.unzip();
    let tenant_id = scope.tenant_id();
    sqlx::query_file_as!(KeptItem, "sql/store/list_kept_requests.sql", tenant_id, source_id, at, id, limit)
        .fetch_all(connection)
        .await
}

/// One of them.
pub async fn find(connection: &mut PgConnection, scope: &Scope, id: Uuid) -> Result<Option<KeptItem>, sqlx::Error> {
    sqlx::query_file_as!(KeptItem, "sql/store/find_kept_request.sql", scope.tenant_id(), id)
        .fetch_optional(connection)
        .await
}

/// The next ones of a scope, the oldest first, with what they are.
pub async fn next(
    executor: impl PgExecutor<'_>,
    scope: &Scope,
    which: &Which,
    after: Option<(DateTime<Utc>, Uuid)>,
    limit: i64,
) -> Result<Vec<Kept>, sqlx::Error> {
    let (at, id) = after.unzip();
    let no_tenants: Option<&[Uuid]> = None;
    let tenant_id = scope.tenant_id();
    let rows = sqlx::query_file!(
        "sql/store/next_kept_requests.sql",
        tenant_id,
        which.source_id,
        which.id,
        at,
        id,
        limit,
        no_tenants,
        false
    )
    .fetch_all(executor)
    .await?;
    let kept = |id, source_id, at, request| Kept { id, source_id, at, request: Hidden::new(request) };
    Ok(rows.into_iter().map(|row| kept(row.id, row.source_id, row.at, row.request)).collect())
}

/// The next ones to sources of these tenants, and of none, where a person is looked for.
pub async fn next_of_tenants(
    executor: impl PgExecutor<'_>,
    tenants: &[Uuid],
    with_unowned: bool,
    after: Option<(DateTime<Utc>, Uuid)>,
    limit: i64,
) -> Result<Vec<Kept>, sqlx::Error> {
    let (at, id) = after.unzip();
    let nothing: Option<Uuid> = None;
    let rows = sqlx::query_file!(
        "sql/store/next_kept_requests.sql",
        nothing,
        nothing,
        nothing,
        at,
        id,
        limit,
        Some(tenants),
        with_unowned
    )
    .fetch_all(executor)
    .await?;
    let kept = |id, source_id, at, request| Kept { id, source_id, at, request: Hidden::new(request) };
    Ok(rows.into_iter().map(|row| kept(row.id, row.source_id, row.at, row.request)).collect())
}

/// Takes these away; returns how many were still there.
pub async fn remove(executor: impl PgExecutor<'_>, ids: &[Uuid]) -> Result<u64, sqlx::Error> {
    Ok(sqlx::query_file!("sql/store/remove_kept_requests.sql", ids).execute(executor).await?.rows_affected())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::MasterKeys;

    #[test]
    fn a_sealed_request_is_the_same_when_it_is_opened() {
        let keys = Keys::new(MasterKeys::fresh());
        for body in [&b"{\"a\":1}"[..], b"", b"\xff\x00\xfe"] {
            let request = Request {
                method: "POST".to_owned(),
                path_token: Some(Secret::new("t0ken")),
                query: Secret::new("token=x%2By"),
                headers: vec![("x-retell-signature".to_owned(), Secret::new("v=1,d=2"))],
                body: body.to_owned(),
            };
            let sealed = request.seal(&keys);
            assert!(sealed.starts_with("v1.") && !sealed.contains("t0ken"));
            assert_eq!(Request::open(&keys, &sealed), Some(request));
        }
        assert_eq!(Request::open(&Keys::new(MasterKeys::fresh()), "v1.x.y"), None);
    }
}
