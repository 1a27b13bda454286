//! `operator_log`: who did what to how many rows, in the transaction of the change. Lines are only ever added.

mod action;
mod detail;
mod list;

use std::net::IpAddr;

use serde_json::{Map, Value};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::access::{Actor, ActorKind, Scope};

pub use action::Action;
pub use detail::{Described, Detail, Id, Login, TEXT_CHARS_MAX, Text};
pub use list::{LogFilter, LogItem, LogPosition, list, position};

/// A line that is to be written.
#[derive(Clone, Debug, PartialEq)]
#[must_use = "a line that is not written leaves no trace"]
pub struct Line {
    actor: Actor,
    action: Action,
    tenant_id: Option<Uuid>,
    address: Option<IpAddr>,
    row_count: u64,
    details: Map<String, Value>,
}

impl Line {
    /// A change that is made within a scope: its actor, its address, and its tenant if it has one. One row, unless
    /// [`Line::rows`] says otherwise.
    pub fn of(scope: &Scope, action: Action) -> Self {
        Self::by(scope.actor(), action).tenant(scope.tenant_id()).address(scope.address())
    }

    /// A change without a scope.
    pub fn by(actor: Actor, action: Action) -> Self {
        let mut details = Map::new();
        if let ActorKind::Cli(os_user) = actor.kind
            && !os_user.is_empty()
        {
            details.insert("os_user".to_owned(), os_user.into());
        }
        Self { actor, action, tenant_id: None, address: None, row_count: 1, details }
    }

    /// The tenant whose rows are changed; `None`: the whole installation.
    pub fn tenant(self, tenant_id: impl Into<Option<Uuid>>) -> Self {
        Self { tenant_id: tenant_id.into(), ..self }
    }

    /// The address that the change came from.
    pub fn address(self, address: Option<IpAddr>) -> Self {
        Self { address, ..self }
    }

    /// How many rows are changed.
    pub fn rows(self, row_count: u64) -> Self {
        Self { row_count, ..self }
    }

    /// What is changed. The types that a detail can have keep secrets and people out of the log: see [`Detail`].
    pub fn with(mut self, name: &'static str, detail: impl Detail) -> Self {
        self.details.insert(name.to_owned(), detail.into_value());
        self
    }

    /// Writes the line, within the transaction of the change.
    pub async fn write(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        let (actor, address, rows, details) = self.columns();
        let action = self.action.as_str();
        sqlx::query_file!("sql/store/log_operation.sql", actor, self.tenant_id, address, action, rows, details)
            .execute(connection)
            .await?;
        Ok(())
    }

    /// Writes a step of an operation that takes several transactions: the first step's line has the operation's id and
    /// the details, each further one has its rows and names the first. So what was done is in the log whenever the
    /// operation ends, and no line is ever changed. The steps of one operation follow one another.
    pub async fn write_step(&self, connection: &mut PgConnection, operation_id: Uuid) -> Result<(), sqlx::Error> {
        let (actor, address, rows, details) = self.columns();
        let action = self.action.as_str();
        sqlx::query_file!(
            "sql/store/log_step.sql",
            operation_id,
            actor,
            self.tenant_id,
            address,
            action,
            rows,
            details
        )
        .execute(connection)
        .await?;
        Ok(())
    }

    /// Writes the line unless the same actor wrote the same within the hour: a page that is looked at again, or that
    /// refreshes itself, is one look.
    pub async fn write_hourly(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        let (actor, address, rows, details) = self.columns();
        let action = self.action.as_str();
        sqlx::query_file!("sql/store/log_hourly.sql", actor, self.tenant_id, address, action, rows, details)
            .execute(connection)
            .await?;
        Ok(())
    }

    fn columns(&self) -> (String, Option<String>, i64, String) {
        let rows = i64::try_from(self.row_count).unwrap_or(i64::MAX);
        let details = Value::Object(self.details.clone()).to_string();
        (self.actor.to_string(), self.address.map(|address| address.to_string()), rows, details)
    }
}
