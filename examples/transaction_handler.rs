//! A new event type by an async function with the open transaction: for tables of your own.
//!
//! `cargo run --example transaction_handler -- serve --setup`, with a table `crm_notes (event_id uuid primary key, note
//! text)` in the database. The row and the event's `processed_at` commit together, or neither does.

use std::process::ExitCode;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use sqlx::PgConnection;
use switchhook::inbox::Event;
use switchhook::queue::Failure;

#[tokio::main]
async fn main() -> ExitCode {
    switchhook::cli::main_with(|registry| {
        registry.provider("dialpad").on_transaction("sms.received", note_it);
    })
    .await
}

/// `on conflict do nothing` makes a replay harmless. `?` on a database error retries it; a network call would be
/// wrong here: it would hold the transaction, and would be made again with every attempt.
fn note_it<'a>(event: &'a Event, connection: &'a mut PgConnection) -> BoxFuture<'a, Result<(), Failure>> {
    async move {
        let json = event.json()?;
        let text = json["payload"]["sms"]["text"].as_str().ok_or_else(|| Failure::dead("no text"))?;
        #[expect(clippy::disallowed_methods, reason = "a program of yours may keep its SQL where it likes")]
        sqlx::query("insert into crm_notes (event_id, note) values ($1, $2) on conflict do nothing")
            .bind(event.id)
            .bind(text)
            .execute(connection)
            .await?;
        Ok(())
    }
    .boxed()
}
