//! A new event type by a pure function: `sms.received` → `messages`.
//!
//! This is the whole program: `cargo run --example pure_handler -- serve --setup`, then send a Dialpad-like relay's
//! `{"event_type": "sms.received", "payload": {"sms": {"id": "1", "from": "+15550100001", "to": "+15550100002",
//! "text": "hello"}}}` to `/webhooks/dialpad`.

use std::process::ExitCode;

use switchhook::domain::{Changes, Direction, MessageReport, MessageStatus};
use switchhook::inbox::Event;
use switchhook::providers::{Notes, Reader};
use switchhook::queue::Failure;

#[tokio::main]
async fn main() -> ExitCode {
    switchhook::cli::main_with(|registry| {
        registry.provider("dialpad").on("sms.received", sms_received);
    })
    .await
}

/// What should be true once this event is known. Nothing is read, asked or written here, so the event can be replayed,
/// applied with five hundred others, and tested with a file.
fn sms_received(event: &Event) -> Result<Changes, Failure> {
    let json = event.json()?;
    let notes = Notes::default();
    let sms = Reader::new(&json, &notes).object("payload").object("sms");
    let report = MessageReport {
        at: None,
        message_id: sms.text("id").ok_or_else(|| Failure::dead("payload.sms.id is missing"))?,
        channel: "sms",
        direction: Direction::Inbound,
        from: sms.phone("from"),
        to: sms.phone("to"),
        contact_name: None,
        body: sms.spoken("text"),
        status: Some(MessageStatus::Received),
        error: None,
        sent_at: sms.time_ms("sent_at"),
        callback_data: None,
    };
    Ok(Changes::at(event.occurred_at).message(report).notes(notes.into_vec()))
}
