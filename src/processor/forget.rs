//! Who was erased stays so: what a batch says of them is stripped before it is written.

use std::collections::BTreeSet;

use sqlx::PgConnection;
use uuid::Uuid;

use super::write::{Effect, Step};
use crate::crypto::DigestKey;
use crate::redact::Phone;
use crate::store::forgotten;

/// Strips the steps of what is forgotten. Where nobody was ever erased this is one look, whatever the batch.
pub(super) async fn forget(
    connection: &mut PgConnection,
    key: &DigestKey,
    steps: &mut [Step],
) -> Result<(), sqlx::Error> {
    if !steps.iter().any(|step| matches!(step.effect, Effect::Rows(_))) {
        return Ok(());
    }
    forgotten::hold_off_erasure(connection).await?;
    if !forgotten::is_anybody(connection).await? {
        return Ok(());
    }
    let mut people: BTreeSet<(Uuid, Phone)> = BTreeSet::new();
    let (mut calls, mut messages) = (Vec::new(), Vec::new());
    for step in steps.iter() {
        if let Effect::Rows(resolved) = &step.effect {
            people.extend(resolved.people().map(|(tenant_id, phone)| (tenant_id, phone.clone())));
            calls.extend(resolved.writes.calls.iter().map(|call| call.id));
            calls.extend(resolved.writes.analytics.iter().map(|row| row.call_id));
            messages.extend(resolved.writes.messages.iter().map(|message| message.id));
        }
    }
    let forgotten = forgotten::find(connection, key, people, &calls, &messages).await?;
    for step in steps {
        if let Effect::Rows(resolved) = &mut step.effect {
            resolved.forget(&forgotten, step.event.occurred_at, step.event.received_at);
        }
    }
    Ok(())
}
