//! What a SQLSTATE says, in words: the condition where it is one that people meet, else its class. Postgres's own
//! message is never repeated, since it quotes the values that it chokes on.

/// Conditions by their whole code, in the order of the manual (appendix "PostgreSQL Error Codes").
const CONDITIONS: &[(&str, &str)] = &[
    ("08P01", "the protocol was violated"),
    ("21000", "a subquery gave more rows than fit"),
    ("22001", "text too long for its column"),
    ("22003", "number out of range"),
    ("22007", "invalid form of a date or time"),
    ("22008", "date or time out of range"),
    ("22012", "division by zero"),
    ("22021", "character that the encoding does not have"),
    ("22023", "invalid parameter value"),
    ("22P02", "invalid form of a value"),
    ("22P05", "character that cannot be translated"),
    ("23502", "a value is missing"),
    ("23503", "a row that is referred to is missing, or is still referred to"),
    ("23505", "a row with this key exists already"),
    ("23P01", "rows exclude each other"),
    ("25006", "the transaction is read-only"),
    ("25P02", "the transaction had failed before"),
    ("25P03", "the transaction was idle for too long"),
    ("25P04", "the transaction took too long"),
    ("26000", "no such prepared statement, as behind a pooler that shares connections between transactions"),
    ("28000", "the role may not log in"),
    ("28P01", "wrong password"),
    ("3D000", "no such database"),
    ("3F000", "no such schema"),
    ("40001", "rolled back in favour of another transaction"),
    ("40P01", "deadlock with another transaction"),
    ("42501", "no right to it"),
    ("42601", "syntax error"),
    ("42701", "a column of this name exists already"),
    ("42702", "ambiguous column"),
    ("42703", "no such column"),
    ("42704", "no such object"),
    ("42710", "an object of this name exists already"),
    ("42723", "a function of this name exists already"),
    ("42804", "types do not match"),
    ("42809", "an object of another kind has this name"),
    ("42883", "no such function or operator"),
    ("42939", "a reserved name"),
    ("42P01", "no such table"),
    ("42P04", "a database of this name exists already"),
    ("42P05", "a prepared statement of this name exists already, as behind a pooler that shares connections"),
    ("42P06", "a schema of this name exists already"),
    ("42P07", "a table or index of this name exists already"),
    ("53100", "the server's disk is full"),
    ("53200", "the server is out of memory"),
    ("53300", "too many connections"),
    ("53400", "a configured limit of the server is reached"),
    ("55000", "the object is not in the state that is needed"),
    ("55006", "the object is in use"),
    ("55P03", "locked by another for too long"),
    ("57014", "cancelled, or took longer than it may"),
    ("57P01", "the server is being shut down, or the connection was ended by an administrator"),
    ("57P02", "the server crashed and is being restarted"),
    ("57P03", "the server is starting or stopping"),
    ("57P04", "the database was dropped"),
    ("57P05", "the session was idle for too long"),
    ("58030", "the server cannot read or write its files"),
    ("58P01", "a file of the server is missing, such as the library of an extension"),
    ("58P02", "a file of the server exists already"),
    ("P0001", "raised by a function"),
    ("P0002", "a function found no row"),
    ("P0003", "a function found too many rows"),
    ("P0004", "an assertion of a function failed"),
    ("XX001", "damaged data"),
    ("XX002", "a damaged index"),
];

/// Classes by the first two characters.
const CLASSES: &[(&str, &str)] = &[
    ("08", "connection lost"),
    ("0A", "not supported"),
    ("21", "cardinality violated"),
    ("22", "value out of its type's range or form"),
    ("23", "constraint violated"),
    ("25", "not possible in this state of the transaction"),
    ("26", "no such prepared statement"),
    ("28", "login refused"),
    ("2B", "other rights depend on it"),
    ("34", "no such cursor"),
    ("39", "an external function failed"),
    ("3B", "no such savepoint"),
    ("3D", "no such database"),
    ("3F", "no such schema"),
    ("40", "the transaction was rolled back"),
    ("42", "syntax error, or no right to it"),
    ("44", "not visible through the view that it is written through"),
    ("53", "out of resources"),
    ("54", "too large or too deep"),
    ("55", "the object is not in the state that is needed"),
    ("57", "an operator's intervention"),
    ("58", "an error of the server's system, outside Postgres"),
    ("F0", "an error in the server's configuration file"),
    ("HV", "a foreign data wrapper failed"),
    ("P0", "raised by a function"),
    ("XX", "an internal error of Postgres"),
];

/// What this code says.
pub fn condition(code: &str) -> &'static str {
    let class = code.get(..2).unwrap_or_default();
    let condition = CONDITIONS.iter().find(|(known, _)| *known == code);
    let named = condition.or_else(|| CLASSES.iter().find(|(known, _)| *known == class));
    named.map_or("see the SQLSTATE list in the Postgres manual", |(_, words)| words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_counts_over_its_class() {
        assert_eq!(condition("42P07"), "a table or index of this name exists already");
        assert_eq!(condition("42P01"), "no such table");
        assert!(condition("58P01").contains("library"));
        assert_eq!(condition("55000"), "the object is not in the state that is needed");
        assert_eq!(condition("42P99"), "syntax error, or no right to it");
        assert_eq!(condition("22P06"), "value out of its type's range or form");
        assert_eq!(condition("ZZ000"), "see the SQLSTATE list in the Postgres manual");
        assert_eq!(condition(""), "see the SQLSTATE list in the Postgres manual");
    }

    #[test]
    fn every_condition_is_of_a_class_and_stands_once() {
        for (at, (code, _)) in CONDITIONS.iter().enumerate() {
            assert!(CLASSES.iter().any(|(class, _)| code.starts_with(class)), "{code}");
            assert!(CONDITIONS[..at].iter().all(|(before, _)| before < code), "{code} is out of order");
        }
    }
}
