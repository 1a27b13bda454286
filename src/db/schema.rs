//! The schema that the tables are in, by name: several installations may share a database.

use serde::Deserialize;

/// What Postgres keeps of a name; a longer one would be cut off and meet another.
const NAME_BYTES_MAX: usize = 63;

/// The name of a schema that may hold the tables.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Schema(String);

impl Schema {
    /// The `search_path` of every connection of the program: this schema and no other, so that nothing of another
    /// installation is ever found in its place.
    pub(super) fn search_path(&self) -> String {
        format!("\"{}\"", self.0.replace('"', "\"\""))
    }
}

impl std::fmt::Display for Schema {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Schema {
    type Error = &'static str;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        if name.is_empty() || name.len() > NAME_BYTES_MAX || name.chars().any(char::is_control) {
            return Err("the name of a schema has 1 to 63 bytes and no control characters");
        }
        if name.starts_with("pg_") || name == "information_schema" {
            return Err("this schema is Postgres's own");
        }
        Ok(Self(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_and_those_of_postgres_refused() {
        let path = |name: &str| Schema::try_from(name.to_owned()).map(|schema| schema.search_path());
        assert_eq!(path("public").unwrap(), "\"public\"");
        assert_eq!(path("My \"Hooks\"").unwrap(), "\"My \"\"Hooks\"\"\"");
        for refused in ["", "pg_catalog", "information_schema", "a\nb", &"x".repeat(64)] {
            assert!(path(refused).is_err(), "{refused}");
        }
    }
}
