//! The SQL of the domain tables: set-based writes, and the reads that the rooms above need. One statement a file
//! under `sql/store/`.

mod analytics;
pub mod attempts;
pub mod billing;
pub mod by_hand;
mod calls;
mod columns;
pub mod connections;
pub mod conversations;
pub mod directory;
pub mod follow;
pub mod forgotten;
pub mod idempotency;
pub mod incidents;
pub mod invariants;
pub mod kept_requests;
mod leads;
mod messages;
pub mod oidc;
pub mod operator_log;
mod owners;
pub mod people;
pub mod reads;
mod recordings;
pub mod rejections;
pub mod roster;
pub mod sealed;
pub mod second_factors;
pub mod sessions;
pub mod source_tokens;
pub mod tokens;
pub mod users;

use sqlx::PgConnection;

use crate::domain::Writes;

pub use owners::owners;

/// Writes what a batch says, one statement a table, rows in key order. The rows must be folded: one a key.
pub async fn write(connection: &mut PgConnection, writes: &Writes) -> Result<(), sqlx::Error> {
    if !writes.calls.is_empty() {
        calls::upsert(connection, &writes.calls).await?;
        billing::charge(connection, &writes.calls).await?;
    }
    if !writes.leads.is_empty() {
        leads::upsert(connection, &writes.leads).await?;
    }
    if !writes.analytics.is_empty() {
        analytics::upsert(connection, &writes.analytics).await?;
    }
    if !writes.complete.is_empty() {
        analytics::upsert_complete(connection, &writes.complete).await?;
    }
    if !writes.completions.is_empty() {
        analytics::complete(connection, &writes.completions).await?;
    }
    if !writes.recordings.is_empty() {
        recordings::upsert(connection, &writes.recordings).await?;
    }
    if !writes.messages.is_empty() {
        messages::upsert(connection, &writes.messages).await?;
    }
    if !writes.forgotten.is_empty() {
        forgotten::strip(connection, &writes.forgotten, None).await?;
    }
    Ok(())
}
