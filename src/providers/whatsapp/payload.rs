//! The wire format: `entry[].changes[]`, each with a `field` and a `value`, and what the values hold.

use super::super::Reader;
use crate::domain::MessageStatus;
use crate::redact::{PersonName, Phone, Spoken};

/// What is read, by the field that it comes under; statuses come under `messages` too, and have a name of their own here.
/// Of a delivery with several, the first of these names the event.
pub(super) const READ: &[&str] = &["messages", "statuses", "smb_message_echoes", "user_preferences"];
/// Longest word for a kind of message that is shown.
const MAX_KIND_CHARS: usize = 30;

/// One change.
pub(super) struct Change<'a> {
    /// What it is about: one of [`READ`], else the field in Meta's words.
    pub(super) kind: String,
    pub(super) value: Reader<'a>,
}

/// All changes of all entries.
pub(super) fn changes<'a>(body: &Reader<'a>) -> Vec<Change<'a>> {
    if body.text("object").as_deref() != Some("whatsapp_business_account") {
        return Vec::new();
    }
    let changes = body.list("entry").into_iter().flat_map(|entry| entry.list("changes"));
    changes
        .filter_map(|change| {
            let (field, value) = (change.text("field")?, change.object("value"));
            let is_status =
                field == "messages" && value.value("messages").is_none() && value.value("statuses").is_some();
            Some(Change { kind: if is_status { "statuses".to_owned() } else { field }, value })
        })
        .collect()
}

/// What the delivery is, by what it holds; `None`: nothing.
pub(super) fn event_type(changes: &[Change<'_>]) -> Option<String> {
    let known = READ.iter().find(|kind| changes.iter().any(|change| change.kind == **kind));
    known.map(|kind| (*kind).to_owned()).or_else(|| changes.first().map(|change| change.kind.clone()))
}

/// Everything in a change that has a time.
pub(super) fn items<'a>(change: &Change<'a>) -> Vec<Reader<'a>> {
    let lists: &[&str] = match change.kind.as_str() {
        "messages" | "statuses" => &["messages", "statuses"],
        "smb_message_echoes" => &["message_echoes"],
        "user_preferences" => &["user_preferences"],
        _ => &[],
    };
    lists.iter().flat_map(|list| change.value.list(list)).collect()
}

/// The message that an item is about: of one that edits or deletes another, that one.
pub(super) fn subject(item: &Reader<'_>) -> Option<String> {
    let about = |key: &str| item.object(key).text("original_message_id");
    match item.text("type").as_deref() {
        Some("edit") => about("edit"),
        Some("revoke") => about("revoke"),
        _ => item.text("id"),
    }
}

/// Our number, as Meta displays it: digits, perhaps with a plus, spaces and dashes.
pub(super) fn our_number(value: &Reader<'_>) -> Option<Phone> {
    value.object("metadata").text("display_phone_number").map(|text| number(&text))
}

/// A person: E.164 without its plus, or, of one who shows no number, a user id such as `US.13491208655302741918`.
pub(super) fn person(item: &Reader<'_>, keys: &[&str]) -> Option<Phone> {
    keys.iter().find_map(|key| item.text(key)).map(|text| number(&of_today(&text).unwrap_or(text)))
}

/// WhatsApp ids keep the form that a number had when its owner joined. Mexico has dropped the 1 before mobile numbers
/// since (2019), Brazil has put a 9 before theirs (until 2016): calls come with the number of today, and a person is one
/// lead.
fn of_today(id: &str) -> Option<String> {
    if !id.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    match (id.get(..2)?, id.len()) {
        ("52", 13) => Some(format!("52{}", id[2..].strip_prefix('1')?)),
        // Landlines begin with 2 to 5.
        ("55", 12) if matches!(id.as_bytes()[4], b'6'..=b'9') => Some(format!("{}9{}", &id[..4], &id[4..])),
        _ => None,
    }
}

fn number(text: &str) -> Phone {
    let is_bare = text.chars().all(|c| c.is_ascii_digit() || matches!(c, ' ' | '-' | '(' | ')'));
    Phone::new(if is_bare { format!("+{text}") } else { text.to_owned() })
}

/// Who wrote a message: by the message itself, else by the only person that the change names.
pub(super) fn writer(message: &Reader<'_>, value: &Reader<'_>) -> (Option<Phone>, Option<PersonName>) {
    let contacts = value.list("contacts");
    let ids: Vec<String> = ["from", "from_user_id"].iter().filter_map(|key| message.text(key)).collect();
    let is_them = |contact: &&Reader<'_>| {
        ["wa_id", "user_id"].iter().any(|key| contact.text(key).is_some_and(|id| ids.contains(&id)))
    };
    // A WhatsApp id need not be the telephone number; but one person and one message belong together.
    let only = match &contacts[..] {
        [only] if value.list("messages").len() == 1 => Some(only),
        _ => None,
    };
    let contact = contacts.iter().find(is_them).or(only);
    let from = person(message, &["from", "from_user_id"])
        .or_else(|| contact.and_then(|contact| person(contact, &["wa_id", "user_id"])));
    (from, contact.and_then(|contact| contact.object("profile").name("name")))
}

/// What a message says, in words. What has none is its kind in brackets.
pub(super) fn body(message: &Reader<'_>) -> Option<Spoken> {
    let kind = message.text("type")?;
    let content = message.object(&kind);
    let words = match kind.as_str() {
        "text" => content.spoken("body"),
        "button" => content.spoken("text"),
        "interactive" => ["button_reply", "list_reply"].iter().find_map(|key| content.object(key).spoken("title")),
        "image" | "video" | "document" | "audio" => content.spoken("caption"),
        "order" => content.spoken("text"),
        "reaction" => content.text("emoji").map(|emoji| Spoken::new(format!("[reaction {emoji}]"))),
        _ => None,
    };
    words.or_else(|| {
        let is_word = kind.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && kind.len() <= MAX_KIND_CHARS;
        Some(Spoken::new(format!("[{}]", if is_word { kind.as_str() } else { "message" })))
    })
}

pub(super) fn status(word: &str) -> Option<MessageStatus> {
    Some(match word {
        "sent" => MessageStatus::Sent,
        "delivered" => MessageStatus::Delivered,
        "read" => MessageStatus::Read,
        "played" => MessageStatus::Played,
        "failed" => MessageStatus::Failed,
        _ => return None,
    })
}

/// Meta's code of the first error: what to build upon, says Meta, and neither the title nor the message.
pub(super) fn error_code(item: &Reader<'_>) -> Option<String> {
    item.list("errors").first().and_then(|error| error.integer("code")).map(|code| code.to_string())
}

/// `stop` and `resume` of the marketing messages, as the switch in WhatsApp sets them.
pub(super) fn opts_out(word: &str) -> Option<bool> {
    match word {
        "stop" => Some(true),
        "resume" => Some(false),
        _ => None,
    }
}
