//! A test event: a sample of the platform is tried on the connection's secret; then an event goes in that changes
//! nothing. So secret, inbox and processor are tried, and no made-up call stands among the calls, and nobody whose number
//! is in a sample is written to. The network is not: a platform does that better.

use chrono::{DateTime, Utc};
use serde_json::json;
use uuid::Uuid;

use super::Console;
use super::senders::Refused;
use crate::access::Scope;
use crate::inbox::{self, NewEvent};
use crate::store::connections::{self, Connection};
use crate::store::operator_log::{Action, Line};
use crate::store::roster;

/// What it is, in the list of events: nobody registers it, so it is settled as ignored.
const EVENT_TYPE: &str = "switchhook_test";

impl Console {
    /// Puts a test event in; returns its id. `try_sample`: the platform's name, if what it would send would be let in;
    /// else why not.
    pub async fn send_test_event(
        &self,
        scope: &Scope,
        connection_id: Uuid,
        try_sample: impl FnOnce(&Connection, DateTime<Utc>) -> Result<&'static str, String>,
    ) -> Result<Uuid, Refused> {
        if !roster::connections::ids_of(&self.pool, scope.tenant_id()).await?.contains(&connection_id) {
            return Err(Refused::NotFound);
        }
        let all = connections::all(&self.pool, &self.keys).await?;
        let connection = all.into_iter().find(|connection| connection.id == connection_id);
        let disabled = || Refused::Unfit("the connection is out of use: what is sent to it is refused".into());
        let connection = connection.ok_or_else(disabled)?;
        let provider = try_sample(&connection, self.now()).map_err(|why| Refused::Unfit(why.into()))?;
        let event = NewEvent {
            id: Uuid::now_v7(),
            connection_id,
            tenant_id: connection.tenant_id,
            provider,
            event_type: EVENT_TYPE.to_owned(),
            external_event_id: format!("{EVENT_TYPE}:{}", Uuid::now_v7()),
            occurred_at: None,
            payload: json!({ "test": true }).to_string(),
        };
        let event_id = event.id;
        let mut transaction = self.begin().await?;
        inbox::accept(&mut transaction, &[&event]).await?;
        let line = Line::of(scope, Action::TestEvent).tenant(connection.tenant_id);
        line.with("connection_id", connection_id).with("event_id", event_id).write(&mut transaction).await?;
        transaction.commit().await?;
        Ok(event_id)
    }
}
