//! A test event: a sample of the platform is tried on the source's secret; then an event goes in that changes nothing. So
//! secret, inbox and processor are tried, and no made-up call stands among the calls, and nobody whose number is in a sample
//! is written to. The network is not: a platform does that better.

use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::PgPool;
use uuid::Uuid;

use super::AdminError;
use crate::access::Scope;
use crate::crypto::Keys;
use crate::inbox::{self, NewEvent};
use crate::providers;
use crate::store::connections;
use crate::store::operator_log::{Action, Line};
use crate::store::roster;

/// What it is, in the list of events: nobody registers it, so it is settled as ignored.
const EVENT_TYPE: &str = "switchhook_test";

/// Puts a test event in, if what the platform would send would be let in; returns its id.
pub async fn send(pool: &PgPool, scope: &Scope, keys: &Keys, id: Uuid, now: DateTime<Utc>) -> Result<Uuid, AdminError> {
    if !roster::connections::ids_of(pool, scope.tenant_id()).await?.contains(&id) {
        return Err(AdminError::NotFound);
    }
    let all = connections::all(pool, keys).await?;
    let connection = all.into_iter().find(|connection| connection.id == id);
    let disabled = || AdminError::Invalid("the connection is out of use: what is sent to it is refused".into());
    let connection = connection.ok_or_else(disabled)?;
    let provider = providers::try_sample(&connection, now).map_err(|why| AdminError::Invalid(why.into()))?;
    let event = NewEvent {
        id: Uuid::now_v7(),
        connection_id: id,
        tenant_id: connection.tenant_id,
        provider: provider.into(),
        event_type: EVENT_TYPE.to_owned(),
        external_event_id: format!("{EVENT_TYPE}:{}", Uuid::now_v7()),
        occurred_at: None,
        payload: json!({ "test": true }).to_string(),
    };
    let mut transaction = pool.begin().await?;
    inbox::accept(&mut transaction, &[&event]).await?;
    let line = Line::of(scope, Action::TestEvent).tenant(connection.tenant_id);
    line.with("connection_id", id).with("event_id", event.id).write(&mut transaction).await?;
    transaction.commit().await?;
    Ok(event.id)
}
