//! What people decided about a call: who, what and when, out of the operator log.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

use super::json;
use crate::access::Scope;

/// A decision.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct EditOfCall {
    /// The login, or the label of the token; its id, when it is gone.
    pub who: String,
    /// What was decided.
    pub what: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// The last decisions about a call, the newest first.
pub async fn edits(connection: &mut PgConnection, scope: &Scope, call: Uuid) -> Result<Vec<EditOfCall>, sqlx::Error> {
    let rows = sqlx::query_file!("sql/people/edits_of_call.sql", call, call.to_string(), scope.tenant_id())
        .fetch_all(connection)
        .await?;
    let edit = |details: &Value, campaign: Option<String>| {
        let converted = details.get("converted").map(|value| match value.as_bool() {
            Some(true) => "converted".to_owned(),
            Some(false) => "not converted".to_owned(),
            None => "conversion undecided".to_owned(),
        });
        let campaign = details.get("campaign_id").map(|_| match campaign {
            Some(name) => format!("campaign {name}"),
            None => "campaign as derived".to_owned(),
        });
        [converted, campaign].into_iter().flatten().collect::<Vec<_>>().join(", ")
    };
    let edits = rows.into_iter().filter_map(|row| {
        let details = json(Some(row.details))?;
        Some(EditOfCall { who: row.who, what: edit(&details, row.campaign), at: row.at })
    });
    Ok(edits.collect())
}
