//! `tenants`: whose everything is.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use sqlx::{PgConnection, PgExecutor};
use utoipa::ToSchema;
use uuid::Uuid;

/// Words in the name of a setting that make its value a secret, or as good as one.
const SECRET_WORDS: [&str; 6] = ["token", "key", "secret", "password", "url", "sid"];

/// A tenant, with what belongs to it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TenantRow {
    /// Its id.
    pub id: Uuid,
    /// Its name in commands and URLs.
    pub slug: String,
    /// Its name for people.
    pub name: String,
    /// The region of its national numbers; `None`: the configured one.
    pub region: Option<String>,
    /// When it was added.
    pub created_at: DateTime<Utc>,
    /// Its connections in use.
    pub connections: i64,
    /// Its numbers.
    pub numbers: i64,
    /// Its agents.
    pub agents: i64,
}

/// All tenants, by slug.
pub async fn list(executor: impl PgExecutor<'_>) -> Result<Vec<TenantRow>, sqlx::Error> {
    sqlx::query_file_as!(TenantRow, "sql/store/list_tenants.sql").fetch_all(executor).await
}

/// The region that a tenant's national numbers are read in, where it has its own.
pub async fn region(executor: impl PgExecutor<'_>, tenant_id: Uuid) -> Result<Option<String>, sqlx::Error> {
    sqlx::query_file_scalar!("sql/store/tenant_region.sql", tenant_id).fetch_one(executor).await
}

/// What a tenant has of its own.
#[derive(Clone, Debug)]
pub struct Own {
    /// Over the configuration's sections.
    pub settings: Value,
    /// The region of its national numbers.
    pub region: Option<String>,
    /// Its time zone.
    pub time_zone: Option<String>,
    /// Its wait between a missed call and the first message, in seconds.
    pub outreach_delay_seconds: Option<f64>,
}

impl Own {
    /// It by key, for people: secrets hidden.
    pub fn lines(&self) -> Vec<(String, String)> {
        let mut lines = Vec::new();
        let columns = [("region", &self.region), ("time_zone", &self.time_zone)];
        lines.extend(columns.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value.clone()?))));
        flatten("", &self.settings, &mut lines);
        lines
    }
}

/// Reads what a tenant has of its own.
pub async fn own(executor: impl PgExecutor<'_>, tenant_id: Uuid) -> Result<Own, sqlx::Error> {
    let row = sqlx::query_file!("sql/store/tenant_settings.sql", tenant_id).fetch_one(executor).await?;
    Ok(Own {
        settings: serde_json::from_str(&row.settings).unwrap_or_default(),
        region: row.region,
        time_zone: row.time_zone,
        outreach_delay_seconds: row.delay_seconds,
    })
}

/// Writes it.
pub async fn set_own(connection: &mut PgConnection, tenant_id: Uuid, own: &Own) -> Result<(), sqlx::Error> {
    sqlx::query_file!("sql/store/set_tenant_settings.sql", tenant_id, own.settings.to_string())
        .execute(&mut *connection)
        .await?;
    let (region, time_zone) = (own.region.as_deref(), own.time_zone.as_deref());
    sqlx::query_file!("sql/store/set_tenant_columns.sql", tenant_id, region, time_zone, own.outreach_delay_seconds)
        .execute(connection)
        .await?;
    Ok(())
}

/// Whether there is another tenant than this one.
pub async fn has_others(executor: impl PgExecutor<'_>, tenant_id: Uuid) -> Result<bool, sqlx::Error> {
    sqlx::query_file_scalar!("sql/store/has_other_tenants.sql", tenant_id).fetch_one(executor).await
}

/// Whether Postgres knows a time zone of this name.
pub async fn is_time_zone(executor: impl PgExecutor<'_>, name: &str) -> Result<bool, sqlx::Error> {
    sqlx::query_file_scalar!("sql/store/is_time_zone.sql", name).fetch_one(executor).await
}

fn flatten(prefix: &str, value: &Value, lines: &mut Vec<(String, String)>) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
                flatten(&path, value, lines);
            }
        }
        _ if is_secret(prefix) => lines.push((prefix.to_owned(), "[hidden]".to_owned())),
        Value::String(text) => lines.push((prefix.to_owned(), text.clone())),
        value => lines.push((prefix.to_owned(), value.to_string())),
    }
}

/// More is hidden than must be: a secret that somebody adds later is hidden as well.
fn is_secret(key: &str) -> bool {
    let last = key.rsplit('.').next().unwrap_or_default();
    last.split('_').any(|word| SECRET_WORDS.contains(&word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_secret_of_the_configuration_is_hidden() {
        for key in crate::crypto::purpose::SETTINGS {
            assert!(is_secret(key), "{key}");
        }
        assert!(!is_secret("outreach.delay") && !is_secret("integrations.whatsapp.template"));
    }
}
