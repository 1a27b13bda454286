//! Analyses of calls and of people.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Page, cut, json};
use crate::access::{Scope, TenantScope};

/// An analysis: of one call (individual), or of all that is known of a person (complete).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[expect(missing_docs, reason = "the comment of lead_analytics in migrations/0004_domain.sql says what each is")]
pub struct AnalysisItem {
    pub id: Uuid,
    pub kind: String,
    pub call_id: Option<Uuid>,
    pub source: Option<String>,
    pub analysed_at: Option<DateTime<Utc>>,
    pub summary: Option<String>,
    pub sentiment: Option<String>,
    pub successful: Option<bool>,
    pub score: Option<f64>,
    pub data: Option<Value>,
}

macro_rules! items {
    ($rows:expr, $scope:expr) => {
        $rows
            .into_iter()
            .map(|row| {
                let mut item = AnalysisItem {
                    id: row.id,
                    kind: row.kind,
                    call_id: row.call_id,
                    source: row.source,
                    analysed_at: row.analysed_at,
                    summary: row.summary,
                    sentiment: row.sentiment,
                    successful: row.successful,
                    score: row.score,
                    data: json(row.data),
                };
                $scope.spoken(&mut item.summary);
                $scope.data(&mut item.data);
                item
            })
            .collect::<Vec<_>>()
    };
}

/// A page of a tenant's analyses, the newest first.
pub async fn list(
    connection: &mut PgConnection,
    scope: &TenantScope,
    kind: Option<&str>,
    before: Option<Uuid>,
    limit: i64,
) -> Result<Page<AnalysisItem, Uuid>, sqlx::Error> {
    let rows = sqlx::query_file!("sql/people/list_analytics.sql", scope.tenant(), before, kind, limit + 1)
        .fetch_all(connection)
        .await?;
    Ok(cut(items!(rows, scope.scope()), limit, |item| item.id))
}

/// The analyses of these calls, and the complete one of their person.
pub(super) async fn of_calls(
    connection: &mut PgConnection,
    scope: &Scope,
    calls: &[Uuid],
    tenant_id: Uuid,
    number: Option<&str>,
) -> Result<Vec<AnalysisItem>, sqlx::Error> {
    let rows =
        sqlx::query_file!("sql/people/analytics_of_calls.sql", calls, tenant_id, number).fetch_all(connection).await?;
    Ok(items!(rows, scope))
}
