//! Which variables of the environment are ours: `SWITCHHOOK__HTTP__BIND` sets http.bind, a few others have names of
//! their own, and what only looks like one of these is refused by name. Nothing is ever set by a variable that is ignored.

use std::collections::BTreeMap;

use toml::Table;

use super::ConfigError;
use super::tables::keys;
use crate::crypto;
use crate::nearest::nearest;

/// Variables of this form set keys.
pub(super) const PREFIX: &str = "SWITCHHOOK__";
/// What all of ours begin with.
const OURS: &str = "SWITCHHOOK_";
/// Names the configuration file.
pub(super) const FILE: &str = "SWITCHHOOK_CONFIG";
/// Variables that are none of the configuration's keys.
const NAMED: &[&str] = &[FILE, crypto::VARIABLE];
/// What the project's own tests and benches are steered by: a program that they start has them, too.
const OF_TESTS: &[&str] = &["TEST_", "CHAOS_", "FUZZ_", "WRITE_DOCS", "WITHOUT_BROWSER"];

/// Refuses the first variable that looks like one of ours and is none.
pub(super) fn check(environment: &BTreeMap<String, String>, default: &Table) -> Result<(), ConfigError> {
    for (name, value) in environment {
        let Some(rest) = name.strip_prefix(OURS) else { continue };
        let is_ours = rest.starts_with('_') || NAMED.contains(&name.as_str());
        let is_of_tests = OF_TESTS.iter().any(|start| rest.starts_with(start));
        if !is_ours && !is_of_tests && !is_of_a_cluster(rest, value) {
            return Err(ConfigError::UnknownVariable { name: name.clone(), nearest: meant(rest, default) });
        }
    }
    Ok(())
}

/// Kubernetes and Docker tell every container of the services beside it, and one of them may be called `switchhook`:
/// SWITCHHOOK_SERVICE_HOST, SWITCHHOOK_PORT_8080_TCP_ADDR, and SWITCHHOOK_PORT with a URL of theirs.
fn is_of_a_cluster(rest: &str, value: &str) -> bool {
    let is_service = rest.ends_with("SERVICE_HOST") || rest.contains("SERVICE_PORT");
    let is_protocol = |part: &str| ["TCP", "UDP", "SCTP"].contains(&part);
    let is_port = rest.contains("PORT_") && rest.split('_').any(is_protocol);
    let is_url = ["tcp://", "udp://", "sctp://"].iter().any(|scheme| value.starts_with(scheme));
    is_service || is_port || (rest.ends_with("PORT") && is_url)
}

/// The variable that was probably meant: dots, underscores and case are what people get wrong.
fn meant(rest: &str, default: &Table) -> Option<String> {
    let squashed = |text: &str| text.replace(['.', '_'], "").to_lowercase();
    let wanted = squashed(rest);
    let variables = keys(default).into_iter().map(|key| (squashed(&key), variable(&key)));
    let named = NAMED.iter().map(|name| (squashed(&name[OURS.len()..]), (*name).to_owned()));
    let known: BTreeMap<String, String> = variables.chain(named).collect();
    let near = nearest(&wanted, known.keys().map(String::as_str))?;
    known.get(near).cloned()
}

fn variable(key: &str) -> String {
    format!("{PREFIX}{}", key.to_uppercase().replace('.', "__"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(name: &str, value: &str) -> Option<String> {
        let default: Table = super::super::DEFAULT.parse().unwrap();
        let environment = BTreeMap::from([(name.to_owned(), value.to_owned())]);
        check(&environment, &default).err().map(|error| error.to_string())
    }

    #[test]
    fn a_variable_that_is_none_is_named_with_the_one_that_was_meant() {
        for (name, meant) in [
            ("SWITCHHOOK_HTTP__BIND", "SWITCHHOOK__HTTP__BIND"),
            ("SWITCHHOOK_HTTP_BIND", "SWITCHHOOK__HTTP__BIND"),
            ("SWITCHHOOK_HTTP_TRUSTED_PROXY", "SWITCHHOOK__HTTP__TRUSTED_PROXIES"),
            ("SWITCHHOOK_MASTERKEY", "SWITCHHOOK_MASTER_KEY"),
            ("SWITCHHOOK_CONFIG_FILE", "SWITCHHOOK_CONFIG"),
            ("SWITCHHOOK_DATABASE_URL", "SWITCHHOOK__DATABASE__URL"),
        ] {
            let message = refused(name, "s3cret").unwrap_or_else(|| panic!("{name} passed"));
            assert_eq!(message, format!("{name}: no variable of this program; did you mean {meant}?"));
        }
        assert_eq!(refused("SWITCHHOOK_PORT", "8080").unwrap(), "SWITCHHOOK_PORT: no variable of this program");
    }

    #[test]
    fn others_may_have_variables_that_begin_alike() {
        for (name, value) in [
            ("SWITCHHOOK_MASTER_KEY", "x"),
            ("SWITCHHOOK_CONFIG", "x"),
            ("SWITCHHOOK__HTTP__BIND", "x"),
            ("SWITCHHOOK_TEST_ROLE", "runtime"),
            ("SWITCHHOOK_SERVICE_HOST", "10.0.0.1"),
            ("SWITCHHOOK_SERVICE_PORT_HTTP", "80"),
            ("SWITCHHOOK_PORT", "tcp://10.0.0.1:80"),
            ("SWITCHHOOK_PORT_80_TCP", "tcp://10.0.0.1:80"),
            ("SWITCHHOOK_PORT_80_TCP_ADDR", "10.0.0.1"),
            ("SWITCHHOOK_DB_SERVICE_HOST", "10.0.0.2"),
            ("OTHER_HTTP__BIND", "x"),
        ] {
            assert_eq!(refused(name, value), None, "{name}");
        }
    }
}
