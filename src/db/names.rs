//! What the migrations make, by name.

use std::sync::LazyLock;

use super::MIGRATOR;

/// The names that the migrations give.
pub(super) struct Names {
    /// Tables, views and indexes, which share their names.
    pub(super) relations: Vec<String>,
    /// Types.
    pub(super) types: Vec<String>,
    /// Functions.
    pub(super) functions: Vec<String>,
}

/// Those of this program's migrations.
pub(super) static NAMES: LazyLock<Names> =
    LazyLock::new(|| Names::within(MIGRATOR.iter().map(|migration| migration.sql.as_str())));

impl Names {
    /// Every statement that makes something begins a line with `create`.
    fn within<'t>(migrations: impl Iterator<Item = &'t str>) -> Self {
        let mut names = Self { relations: Vec::new(), types: Vec::new(), functions: Vec::new() };
        for line in migrations.flat_map(str::lines) {
            let Some(made) = line.strip_prefix("create ") else { continue };
            let made = made.strip_prefix("or replace ").unwrap_or(made);
            let made = made.strip_prefix("unique ").unwrap_or(made);
            let Some((kind, rest)) = made.split_once(' ') else { continue };
            let names = match kind {
                "table" | "view" | "index" | "sequence" => &mut names.relations,
                "type" => &mut names.types,
                "function" => &mut names.functions,
                _ => continue,
            };
            let name = rest.split([' ', '(']).next().unwrap_or_default().to_owned();
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_migrations_make_is_known_by_its_name() {
        for (names, some) in [
            (&NAMES.relations, ["calls", "call_items", "webhook_events_failed_idx", "incidents_open_idx"].as_slice()),
            (&NAMES.types, &["call_status", "sentiment"]),
            (&NAMES.functions, &["uuid_v7", "webhook_events_requeue", "operator_log_forget", "free_slots"]),
        ] {
            for name in some {
                assert!(names.iter().any(|known| known == name), "{name} is not among {names:?}");
            }
            assert!(names.iter().all(|name| name.bytes().all(|byte| byte == b'_' || byte.is_ascii_alphanumeric())));
        }
    }

    #[test]
    fn every_migration_may_run_within_a_transaction() {
        // `migrate` knows no other kind: the first one that cannot needs a way of its own there.
        assert!(MIGRATOR.iter().all(|migration| !migration.no_tx));
    }
}
