//! The schema that the tables are in, by name: several installations may share a database.

use serde::Deserialize;
use sqlx::PgPool;

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

    /// Whether connections look for their tables in it. They are told to when they are made; a pooler may leave that out,
    /// and then it is the role that must be told.
    pub async fn check(&self, pool: &PgPool) -> Result<(), SchemaError> {
        let found = sqlx::query_file_scalar!("sql/db/schema.sql").fetch_one(pool).await?;
        match found == self.0 {
            true => Ok(()),
            false => Err(SchemaError::Another { found, wanted: self.0.clone() }),
        }
    }
}

/// Why it is not known that connections look in the right schema.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// They look in another one.
    #[error(
        "connections look in schema {found} and not in {wanted} (database.schema). A pooler that leaves out `options` needs a \
         role of its own for each schema: alter role … in database … set search_path = {wanted}"
    )]
    Another {
        /// Where they look.
        found: String,
        /// Where they should.
        wanted: String,
    },
    /// The database says no.
    #[error("{}", super::describe(.0))]
    Database(#[from] sqlx::Error),
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
