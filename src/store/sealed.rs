//! Where sealed values lie: one column after another, page by page, and put back under the newest key.

use serde_json::Value;
use sqlx::PgExecutor;

use crate::crypto::purpose;

/// A column of sealed values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealedColumn {
    /// What platforms sign with.
    SourceSecrets,
    /// Static headers that verify a platform.
    SourceHeaders,
    /// Vendors' access tokens.
    OauthTokens,
    /// Seeds of second factors.
    SecondFactors,
    /// Vendors' credentials among tenants' settings: several values a row.
    TenantSettings,
    /// Requests that were not verified: each may be long.
    KeptRequests,
    /// The program's own key of ids and digests.
    OwnKeys,
}

impl SealedColumn {
    /// Every such column. The program's own key is the last: while it needs an old key, no start works without that.
    pub const ALL: &[Self] = &[
        Self::SourceSecrets,
        Self::SourceHeaders,
        Self::OauthTokens,
        Self::SecondFactors,
        Self::TenantSettings,
        Self::KeptRequests,
        Self::OwnKeys,
    ];

    /// Table and column.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SourceSecrets => "connection_secrets.secret",
            Self::SourceHeaders => "connections.header_value",
            Self::OauthTokens => "oauth_tokens.token",
            Self::SecondFactors => "second_factors.secret",
            Self::TenantSettings => "tenants.settings",
            Self::KeptRequests => "kept_requests.request",
            Self::OwnKeys => "secrets.value",
        }
    }
}

/// A row of such a column.
#[derive(Clone)]
pub struct SealedRow {
    /// The primary key as text.
    pub id: String,
    /// What stands in the column; of settings, the whole object.
    pub value: String,
}

/// The rows after this id.
pub async fn page(
    executor: impl PgExecutor<'_>,
    column: SealedColumn,
    after: &str,
    rows: i64,
) -> Result<Vec<SealedRow>, sqlx::Error> {
    sqlx::query_file_as!(SealedRow, "sql/store/sealed_page.sql", column.as_str(), after, rows).fetch_all(executor).await
}

/// A row whose values were sealed anew.
pub struct Resealed {
    /// The row as it was read.
    pub before: SealedRow,
    /// What shall stand in the column.
    pub after: String,
}

/// Puts values back where they were read, unless somebody changed them since. Returns how many rows it were.
pub async fn put_back(
    executor: impl PgExecutor<'_>,
    column: SealedColumn,
    rows: &[Resealed],
) -> Result<u64, sqlx::Error> {
    let texts = |of: fn(&Resealed) -> &String| rows.iter().map(|row| of(row).clone()).collect::<Vec<_>>();
    let (ids, before) = (texts(|row| &row.before.id), texts(|row| &row.before.value));
    let after = texts(|row| &row.after);
    let rows = sqlx::query_file_scalar!("sql/store/reseal.sql", column.as_str(), &ids, &before, &after)
        .fetch_one(executor)
        .await?;
    Ok(u64::try_from(rows).unwrap_or_default())
}

/// The secrets of a tenant's settings, as they lie there: each with its key, which is what it is sealed for.
pub fn of_settings(own: &Value) -> Vec<(&'static str, &str)> {
    let values = purpose::SETTINGS.iter().filter_map(|key| Some((*key, own.pointer(&pointer(key))?.as_str()?)));
    values.filter(|(_, text)| !text.is_empty()).collect()
}

/// Puts a secret in the place of the one that lies there.
pub fn replace_in_settings(own: &mut Value, key: &'static str, sealed: String) {
    if let Some(value) = own.pointer_mut(&pointer(key)) {
        *value = sealed.into();
    }
}

fn pointer(key: &str) -> String {
    format!("/{}", key.replace('.', "/"))
}
