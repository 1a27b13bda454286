//! Which tables events write.

use serde_json::{Value, json};

/// Tables whose rows the promises are about, without what is bookkeeping.
pub const DOMAIN_TABLES: &[(&str, &str)] = &[
    ("calls", "to_jsonb(t) - 'created_at' - 'marks'"),
    ("leads", "to_jsonb(t) - 'created_at'"),
    ("lead_analytics", "to_jsonb(t) - 'created_at' - 'id'"),
    ("recordings", "to_jsonb(t) - 'created_at'"),
    ("messages", "to_jsonb(t) - 'created_at'"),
    ("charges", "to_jsonb(t) - 'charged_at' - 'corrected_at'"),
    ("jobs", "to_jsonb(t) - 'created_at' - 'id'"),
    ("appointments", "to_jsonb(t) - 'created_at' - 'event_id' - 'id' - 'calendar' - 'place' - 'moved_to'"),
    ("lead_notes", "to_jsonb(t) - 'event_id' - 'id'"),
];
/// All tables that events write, and those that follow from them.
pub const EVENT_TABLES: &[&str] = &[
    "webhook_events",
    "event_queue",
    "calls",
    "leads",
    "lead_analytics",
    "recordings",
    "messages",
    "jobs",
    "rejections",
    "outreaches",
    "allowances",
    "charges",
    "crm_links",
    "crm_queue",
    "appointments",
    "lead_notes",
    "live_answers",
    "call_words",
    "call_words_due",
    "call_quarters",
    "call_quarter_changes",
    "attributions",
];

/// Takes out of rows what a snapshot need not repeat.
pub fn without_nulls(value: &mut Value) {
    match value {
        Value::Object(object) => {
            object.retain(|_, value| !value.is_null());
            object.values_mut().for_each(without_nulls);
            object.remove("tenant_id");
            if let Some(audio) = object.get_mut("audio") {
                *audio = json!("(bytes)");
            }
        }
        Value::Array(list) => list.iter_mut().for_each(without_nulls),
        _ => {}
    }
}
