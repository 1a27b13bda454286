//! What errors of the database mean: SQLSTATE classes are decided here and nowhere else.

use crate::crypto::KeyError;

/// Says what went wrong without repeating a value: Postgres quotes the values it chokes on in its messages.
pub fn describe(error: &sqlx::Error) -> String {
    if let Some(error) = KeyError::of(error) {
        return error.to_string();
    }
    let sqlx::Error::Database(error) = error else {
        return match error {
            sqlx::Error::PoolTimedOut => {
                "no database connection in time: it cannot be reached, or all are in use".to_owned()
            }
            sqlx::Error::Io(error) => format!("the connection to the database failed ({})", error.kind()),
            sqlx::Error::Tls(_) => "the database connection could not be encrypted".to_owned(),
            sqlx::Error::PoolClosed => "the program is stopping".to_owned(),
            sqlx::Error::RowNotFound => "a row that must exist is missing".to_owned(),
            sqlx::Error::ColumnDecode { index, .. } => format!("column {index} could not be read"),
            _ => "the database driver failed".to_owned(),
        };
    };
    let code = error.code().unwrap_or_default();
    let mut text = format!("database error {code} ({})", class(&code));
    if let Some(table) = error.table() {
        text.push_str(&format!(" on table {table}"));
    }
    if let Some(constraint) = error.constraint() {
        text.push_str(&format!(" by constraint {constraint}"));
    }
    // P0001 is a RAISE EXCEPTION of somebody's own function: its words are the reason.
    if code == "P0001" {
        text.push_str(&format!(": {}", crate::redact::scrub(error.message())));
    }
    text
}

/// Whether the database can never hold this value, however long one waits (class 22, data exception; program limits).
pub fn is_data_error(error: &sqlx::Error) -> bool {
    sqlstate(error).is_some_and(|code| code.starts_with("22") || code.starts_with("54"))
}

/// Whether the statement was refused for what it says, so that the connection is sound and others may succeed.
/// Lost connections, shutdowns, servers that take no changes and full disks are none of this.
pub fn is_statement_error(error: &sqlx::Error) -> bool {
    !is_lost(error) && sqlstate(error).is_some_and(|code| !["53", "58"].iter().any(|class| code.starts_with(class)))
}

/// Whether the connection is of no use any more: it broke, its server ends it or does not answer, or the server takes no
/// changes, as one does that was the primary until just now.
pub fn is_lost(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) => true,
        // 25006: read-only transaction; 25P03: the server has ended a session that was idle in a transaction.
        error => sqlstate(error)
            .is_some_and(|code| ["08", "57P", "25006", "25P03"].iter().any(|class| code.starts_with(class))),
    }
}

/// Whether the statement itself is wrong, so that it fails as often as it is sent: a mistake of ours, or of the schema.
pub fn is_mistake(error: &sqlx::Error) -> bool {
    sqlstate(error).is_some_and(|code| ["0A", "21", "23", "42", "P0", "XX"].iter().any(|class| code.starts_with(class)))
}

/// Whether the statement lost to others and not by what it says: a deadlock or a serialization failure (class 40), a wait
/// for a lock that took too long (55P03), a statement that took too long (57014). All of it is rolled back and tried
/// again, and no event pays with an attempt.
pub fn is_batch_trouble(error: &sqlx::Error) -> bool {
    sqlstate(error).is_some_and(|code| code.starts_with("40") || ["55P03", "57014"].contains(&code.as_str()))
}

pub(super) fn sqlstate(error: &sqlx::Error) -> Option<String> {
    error.as_database_error().and_then(|error| error.code()).map(std::borrow::Cow::into_owned)
}

fn class(code: &str) -> &'static str {
    match code.get(..2).unwrap_or_default() {
        "08" => "connection lost",
        "22" => "value out of its type's range or form",
        "23" => "constraint violated",
        "28" => "login refused",
        "3D" => "no such database",
        "40" => "rolled back in favour of another transaction",
        "42" => "no such table, column or function, or no right to it",
        "53" => "out of resources",
        "54" => "too large or too deep",
        "55" => "locked by another",
        "57" => "cancelled or shutting down",
        "58" => "disk trouble",
        "P0" => "raised by a function",
        _ => "see the SQLSTATE list in the Postgres manual",
    }
}

/// Whether a statement was stopped because it took too long.
pub fn is_timeout(error: &sqlx::Error) -> bool {
    sqlstate(error).as_deref() == Some("57014")
}
