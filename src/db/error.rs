//! What errors of the database mean: SQLSTATE classes are decided here and nowhere else.

use std::error::Error;

use super::sqlstate::condition;
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
            sqlx::Error::Io(error) => match tls_cause(error) {
                Some(cause) => not_encrypted(&cause),
                None => format!("the connection to the database failed ({})", error.kind()),
            },
            sqlx::Error::Tls(error) => not_encrypted(&tls_cause(&**error).unwrap_or_else(|| error.to_string())),
            sqlx::Error::PoolClosed => "the program is stopping".to_owned(),
            sqlx::Error::RowNotFound => "a row that must exist is missing".to_owned(),
            sqlx::Error::ColumnDecode { index, .. } => format!("column {index} could not be read"),
            sqlx::Error::Configuration(_) => "the settings of the database connection cannot be used".to_owned(),
            sqlx::Error::TypeNotFound { .. } => "a type is missing in the database".to_owned(),
            sqlx::Error::WorkerCrashed => "a worker of the database driver crashed".to_owned(),
            _ => "the database driver failed".to_owned(),
        };
    };
    let code = error.code().unwrap_or_default();
    let mut text = format!("database error {code} ({})", condition(&code));
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

/// The longest cause that is repeated: a certificate may name hundreds of hosts.
const CAUSE_CHARS_MAX: usize = 200;

fn not_encrypted(cause: &str) -> String {
    let cause: String = crate::redact::scrub(cause).chars().take(CAUSE_CHARS_MAX).collect();
    format!("the database connection could not be encrypted ({cause})")
}

/// What TLS has against it, wherever in the chain of causes it stands: the driver hands a certificate that was refused on
/// as "invalid data". It speaks of certificates and hosts, never of values.
fn tls_cause(error: &(dyn Error + 'static)) -> Option<String> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<rustls::Error>() {
            return Some(refused(error));
        }
        // An error of input and output names what is inside it as no source of its own.
        let inner = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        next = inner.map(|inner| inner as &(dyn Error + 'static)).or_else(|| error.source());
    }
    None
}

fn refused(error: &rustls::Error) -> String {
    let text = error.to_string();
    // The library's word for it is the name of a variant.
    if text.contains("UnsupportedCertVersion") {
        return "the server's certificate is of X.509 version 1; it must be of version 3".to_owned();
    }
    text
}

/// Whether the database can never hold this value, however long one waits (class 22, data exception; program limits).
pub fn is_data_error(error: &sqlx::Error) -> bool {
    sqlstate(error).is_some_and(|code| code.starts_with("22") || code.starts_with("54"))
}

/// Whether the database can never hold this row: a data error, or a constraint that it breaks (class 23).
pub fn is_unstorable(error: &sqlx::Error) -> bool {
    is_data_error(error) || sqlstate(error).is_some_and(|code| code.starts_with("23"))
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

/// Whether the server does not let us in: class 28, such as a password that has changed.
pub(super) fn is_refused(error: &sqlx::Error) -> bool {
    sqlstate(error).is_some_and(|code| code.starts_with("28"))
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

/// Whether a statement was stopped because it took too long.
pub fn is_timeout(error: &sqlx::Error) -> bool {
    sqlstate(error).as_deref() == Some("57014")
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Arc;

    use rustls::{CertificateError, OtherError};

    use super::*;

    /// As the driver hands it on.
    fn of_tls(error: rustls::Error) -> sqlx::Error {
        sqlx::Error::Io(io::Error::new(io::ErrorKind::InvalidData, error))
    }

    #[test]
    fn a_refused_certificate_is_told_as_one() {
        let version = OtherError(Arc::new(io::Error::other("UnsupportedCertVersion")));
        let error = rustls::Error::InvalidCertificate(CertificateError::Other(version));
        assert_eq!(
            describe(&of_tls(error)),
            "the database connection could not be encrypted (the server's certificate is of X.509 version 1; it must be \
             of version 3)"
        );
        let error = rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer);
        let text = "the database connection could not be encrypted (invalid peer certificate: UnknownIssuer)";
        assert_eq!(describe(&of_tls(error.clone())), text);
        assert_eq!(describe(&sqlx::Error::Tls(Box::new(error))), text);
    }

    #[test]
    fn other_failures_keep_their_words_and_no_value() {
        let lost = sqlx::Error::Io(io::Error::new(io::ErrorKind::ConnectionRefused, "+15550100123"));
        assert_eq!(describe(&lost), "the connection to the database failed (connection refused)");
        let tls = sqlx::Error::Tls("server does not support TLS".into());
        assert_eq!(describe(&tls), "the database connection could not be encrypted (server does not support TLS)");
        assert_eq!(describe(&sqlx::Error::Protocol("+15550100123".to_owned())), "the database driver failed");
        let settings = sqlx::Error::Configuration("s3cret".into());
        assert_eq!(describe(&settings), "the settings of the database connection cannot be used");
    }
}
