//! The person behind a missed call, as they are known at the moment of writing to them.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::Desk;
use crate::domain::lead_id;
use crate::redact::{PersonName, Phone};

/// What is known.
#[derive(Clone, Debug)]
pub(super) struct Person {
    /// The lead.
    pub(super) lead_id: Uuid,
    /// Their number.
    pub(super) phone: Phone,
    /// Their name.
    pub(super) name: Option<PersonName>,
    /// The sender that answers for it.
    pub(super) sender: Option<String>,
    /// When they called.
    pub(super) called_at: DateTime<Utc>,
    /// When we last wrote to them.
    pub(super) last_written_at: Option<DateTime<Utc>>,
    /// Whether words of ours may be sent, and not only templates.
    pub(super) window_is_open: bool,
    /// Why they are not to be written to, if they are not.
    pub(super) reason_not_to: Option<NotTo>,
}

/// Why somebody is not written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotTo {
    /// They want no messages.
    HasOptedOut,
    /// It never was a missed call, as is known by now.
    WasAnswered,
    /// They were spoken to since.
    WasReached,
    /// They have written since.
    HasWritten,
    /// It is a number of ours.
    IsOurs,
    /// The platform blocked the call.
    WasBlocked,
}

impl NotTo {
    /// Why, for people.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::HasOptedOut => "they want no messages",
            Self::WasAnswered => "the call was answered after all",
            Self::WasReached => "they were reached by telephone meanwhile",
            Self::HasWritten => "they have written meanwhile",
            Self::IsOurs => "the caller's number is one of ours",
            Self::WasBlocked => "the platform blocked the call",
        }
    }
}

/// Looks the person up. `None`: the call is gone, or nobody can be written to. `since`: from when on an answer counts.
pub(super) async fn find(
    desk: &Desk,
    call_id: Uuid,
    since: Option<DateTime<Utc>>,
) -> Result<Option<Person>, sqlx::Error> {
    let Some(row) =
        sqlx::query_file!("sql/jobs/person.sql", call_id, since, desk.now()).fetch_optional(&desk.pool).await?
    else {
        return Ok(None);
    };
    let Some(phone) = row.phone.map(Phone::new) else { return Ok(None) };
    let reasons = [
        (row.has_opted_out, NotTo::HasOptedOut),
        (row.was_answered, NotTo::WasAnswered),
        (row.was_reached, NotTo::WasReached),
        (row.has_written, NotTo::HasWritten),
        (row.is_ours, NotTo::IsOurs),
        (row.provider_status.as_deref() == Some("blocked"), NotTo::WasBlocked),
    ];
    Ok(Some(Person {
        lead_id: lead_id(desk.ids().await?, row.tenant_id, phone.expose()),
        phone,
        name: row.name.map(PersonName::new),
        sender: row.sender,
        called_at: row.called_at,
        last_written_at: row.last_written_at,
        window_is_open: row.window_is_open,
        reason_not_to: reasons.into_iter().find(|(holds, _)| *holds).map(|(_, reason)| reason),
    }))
}
