//! The log as people look through it, the newest first.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

use super::Action;

/// Which lines; every condition that is given must hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LogFilter {
    /// Of this tenant; `None`: of all, and of the whole installation.
    pub tenant_id: Option<Uuid>,
    /// By this actor: as it stands in the log, or its id, login or label.
    pub actor: Option<String>,
    /// Of this action.
    pub action: Option<Action>,
    /// Then or later.
    pub from: Option<DateTime<Utc>>,
    /// Earlier.
    pub until: Option<DateTime<Utc>>,
    /// About this: the id of a call, a lead, a token, whatever the details name.
    pub subject: Option<Uuid>,
}

/// An operation in the log.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = OperatorLogItem)]
pub struct LogItem {
    /// Its id.
    pub id: Uuid,
    /// When it began.
    pub at: DateTime<Utc>,
    /// `token <id>`, `user <id>`, `cli`, `psql`, `nobody`, or the part of the program that acts by its schedule.
    pub actor: String,
    /// The login of the user, or the label of the token, if there still is one.
    pub actor_name: Option<String>,
    /// The slug of the tenant; null: the whole installation, or a tenant that is gone.
    pub tenant: Option<String>,
    /// The address that it came from; null: the command line, or the program itself.
    pub address: Option<String>,
    /// What was done.
    pub action: String,
    /// How many rows were changed or shown, in all of its steps.
    pub row_count: i64,
    /// Ids and words, as each action has them; never a secret or a person's name or number.
    #[schema(value_type = Object)]
    pub details: Value,
}

/// Where a page ends.
pub type LogPosition = (DateTime<Utc>, Uuid);

impl LogItem {
    /// Where a page ends that ends with it.
    pub fn position(&self) -> LogPosition {
        (self.at, self.id)
    }

    /// The name of the actor, or what stands in the log.
    pub fn shown_actor(&self) -> &str {
        self.actor_name.as_deref().unwrap_or(&self.actor)
    }

    /// The details in one line: `key: value`, the values of a list parted by commas.
    pub fn shown_details(&self) -> String {
        let Value::Object(details) = &self.details else { return String::new() };
        let pairs = details.iter().filter(|(_, value)| !value.is_null());
        pairs.map(|(key, value)| format!("{}: {}", key.replace('_', " "), shown(value))).collect::<Vec<_>>().join("; ")
    }
}

/// The operations of a filter, the newest first, after this position.
pub async fn list(
    connection: &mut PgConnection,
    filter: &LogFilter,
    after: Option<LogPosition>,
    limit: i64,
) -> Result<Vec<LogItem>, sqlx::Error> {
    let LogFilter { tenant_id, actor, action, from, until, subject } = filter;
    let actors = match actor {
        None => None,
        Some(actor) => {
            let found = sqlx::query_file_scalar!("sql/store/log_actors.sql", actor).fetch_all(&mut *connection).await?;
            Some(found)
        }
    };
    let (at, id) = after.unzip();
    let rows = sqlx::query_file!(
        "sql/store/list_log.sql",
        *tenant_id,
        actors.as_deref(),
        action.map(Action::as_str),
        *from,
        *until,
        subject.map(|subject| subject.to_string()),
        at,
        id,
        limit,
    )
    .fetch_all(connection)
    .await?;
    let items = rows.into_iter().map(|row| LogItem {
        id: row.id,
        at: row.at,
        actor: row.actor,
        actor_name: row.actor_name,
        tenant: row.tenant,
        address: row.address,
        action: row.action,
        row_count: row.row_count,
        details: serde_json::from_str(&row.details).unwrap_or_default(),
    });
    Ok(items.collect())
}

/// The position of this line. `None`: there is none.
pub async fn position(connection: &mut PgConnection, id: Uuid) -> Result<Option<LogPosition>, sqlx::Error> {
    let at = sqlx::query_file_scalar!("sql/store/log_position.sql", id).fetch_optional(connection).await?;
    Ok(at.map(|at| (at, id)))
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(shown).collect::<Vec<_>>().join(", "),
        Value::Object(fields) => {
            let pairs = fields.iter().filter(|(_, value)| !value.is_null());
            pairs
                .map(|(key, value)| format!("{} {}", key.replace('_', " "), shown(value)))
                .collect::<Vec<_>>()
                .join(", ")
        }
        value => value.to_string(),
    }
}
