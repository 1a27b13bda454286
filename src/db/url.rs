//! What is wrong with a database URL, said at start and in words: the driver takes what it does not know for nothing,
//! and what it cannot read for "a configuration error". No value of the URL is repeated: it holds a password.

use openidconnect::url::{ParseError, Url};

use super::servers::{SESSION_ATTRS, parts};
use crate::nearest::{hint, nearest};

/// The parameters that the driver reads.
const KNOWN: &[&str] = &[
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "statement-cache-capacity",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
];
/// Parameters of libpq, the C library, that nothing here carries out; what does the same, where there is something.
const OF_LIBPQ: &[(&str, &str)] = &[
    ("keepalives", ""),
    ("keepalives_idle", ""),
    ("keepalives_interval", ""),
    ("keepalives_count", ""),
    ("tcp_user_timeout", ""),
    ("connect_timeout", "database.acquire_timeout bounds the wait"),
    ("client_encoding", "it is always UTF8"),
    ("fallback_application_name", "say application_name"),
    ("channel_binding", "sslmode=verify-full proves who the server is"),
    ("require_auth", ""),
    ("gssencmode", ""),
    ("krbsrvname", ""),
    ("gsslib", ""),
    ("gssdelegation", ""),
    ("passfile", "PGPASSFILE names the file"),
    ("service", ""),
    ("replication", ""),
    ("sslcompression", ""),
    ("sslnegotiation", ""),
    ("sslpassword", ""),
    ("sslcrl", ""),
    ("sslcrldir", ""),
    ("sslsni", ""),
    ("sslcertmode", ""),
    ("ssl_min_protocol_version", ""),
    ("ssl_max_protocol_version", ""),
    ("min_protocol_version", ""),
    ("max_protocol_version", ""),
    ("requirepeer", ""),
    ("requiressl", "say sslmode=require"),
    ("load_balance_hosts", ""),
];
const SSL_MODES: &[&str] = &["disable", "allow", "prefer", "require", "verify-ca", "verify-full"];
/// How a URL begins, and how one looks.
const SCHEMES: &[&str] = &["postgres", "postgresql"];
const FORM: &str = "postgres://user:password@host:5432/database";

/// What is wrong with it, and how it is right. An empty one is no URL, and right.
pub fn mistake(text: &str) -> Option<String> {
    if text.is_empty() {
        return None;
    }
    if text.trim() != text || text.starts_with(['"', '\'', '`']) || text.ends_with(['"', '\'', '`']) {
        return Some("has quotes or spaces around it, which belong to no URL: leave them out".to_owned());
    }
    let Some((scheme, rest)) = text.split_once("://") else {
        return Some(format!("is no URL: write it as {FORM}"));
    };
    if !SCHEMES.contains(&scheme) {
        let meant = nearest(scheme, SCHEMES.iter().copied()).unwrap_or("postgres");
        return Some(format!("begins with something else than postgres://; did you mean {meant}://?"));
    }
    if let Some(message) = host_list(rest) {
        return Some(message);
    }
    // What is wrong with one of several servers is wrong with the URL.
    let first = match parts(text) {
        Some((before, hosts, after)) => format!("{before}{}{after}", hosts.split(',').next().unwrap_or_default()),
        None => text.to_owned(),
    };
    if let Some((before, hosts, after)) = parts(text)
        && let Some(error) =
            hosts.split(',').skip(1).find_map(|host| Url::parse(&format!("{before}{host}{after}")).err())
    {
        return Some(unreadable(error));
    }
    match Url::parse(&first) {
        Ok(url) => parameters(&url).or_else(|| fragment(&url)),
        Err(error) => Some(unreadable(error)),
    }
}

/// The same of a standby that is read from: one server, whatever it is.
pub fn read_mistake(text: &str) -> Option<String> {
    if let Some(message) = mistake(text) {
        return Some(message);
    }
    let (_, hosts, after) = parts(text)?;
    if hosts.contains(',') {
        return Some("names several servers: one standby is read from".to_owned());
    }
    let is_picky = after.contains("target_session_attrs=");
    is_picky.then(|| "says target_session_attrs: leave it out, a standby is what it must lead to".to_owned())
}

/// Several hosts, as libpq takes them: one after another where hosts stand, and nowhere else.
fn host_list(rest: &str) -> Option<String> {
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let hosts = authority.rsplit('@').next().unwrap_or_default();
    let query = rest.split_once('?').map_or("", |(_, query)| query);
    let listed = form_urlencoded::parse(query.as_bytes())
        .any(|(name, value)| ["host", "hostaddr", "port"].contains(&&*name) && value.contains(','));
    let is_list = hosts.to_ascii_lowercase().contains("%2c") || listed;
    if is_list {
        return Some(
            "names several hosts: write them one after another, host:port,host:port, before the database".to_owned(),
        );
    }
    hosts
        .split(',')
        .any(str::is_empty)
        .then(|| "has a host without a name in its list".to_owned())
        .filter(|_| hosts.contains(','))
}

fn parameters(url: &Url) -> Option<String> {
    for (name, value) in url.query_pairs() {
        match &*name {
            "sslmode" | "ssl-mode" => {
                let mode = value.to_ascii_lowercase();
                if !SSL_MODES.contains(&mode.as_str()) {
                    let meant = hint(nearest(&mode, SSL_MODES.iter().copied()));
                    return Some(format!("{name} is one of {}{meant}", SSL_MODES.join(", ")));
                }
            }
            "target_session_attrs" if SESSION_ATTRS.contains(&&*value) => {}
            "target_session_attrs" => {
                return Some(
                    "target_session_attrs is read-write or primary: every server must take changes".to_owned(),
                );
            }
            "port" if value.parse::<u16>().is_err() => return Some("port is a number up to 65535".to_owned()),
            "hostaddr" if value.parse::<std::net::IpAddr>().is_err() => {
                return Some("hostaddr is an IP address; names belong into host".to_owned());
            }
            "statement-cache-capacity" if value.parse::<usize>().is_err() => {
                return Some("statement-cache-capacity is a whole number".to_owned());
            }
            known if KNOWN.contains(&known) || (known.starts_with("options[") && known.ends_with(']')) => {}
            other => return Some(unknown(other)),
        }
    }
    None
}

fn unknown(name: &str) -> String {
    match OF_LIBPQ.iter().find(|(libpq, _)| *libpq == name) {
        Some((_, "")) => format!("{name} is for libpq and would have no effect here: leave it out"),
        Some((_, instead)) => format!("{name} is for libpq and would have no effect here: leave it out ({instead})"),
        None => {
            // What stands where a name should may be the end of a password that was not encoded: only what is like a
            // name is repeated.
            let meant = nearest(name, KNOWN.iter().copied().chain(OF_LIBPQ.iter().map(|(libpq, _)| *libpq)));
            let name = if meant.is_some() { name } else { "a parameter" };
            format!("{name} is nothing that is known here{}", hint(meant))
        }
    }
}

fn fragment(url: &Url) -> Option<String> {
    url.fragment().is_some().then(|| format!("has a # in it: {ENCODE}"))
}

const ENCODE: &str = "percent-encode what is no letter or digit in user and password (# is %23, / is %2F, @ is %40)";

fn unreadable(error: ParseError) -> String {
    match error {
        ParseError::InvalidPort => format!("has a port that is no number: {ENCODE}"),
        ParseError::EmptyHost => format!("has no host: write it as {FORM}"),
        error => format!("cannot be read ({error}): {ENCODE}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_driver_understands_is_taken() {
        for right in [
            "",
            "postgres://example",
            "postgres://user:p%40ss@host:5432/database?sslmode=verify-full&sslrootcert=/ca.pem",
            "postgresql://user@%2Fvar%2Frun%2Fpostgresql/database?application_name=x",
            "postgres:///database?host=/var/run/postgresql&options=-c%20geqo%3Doff&options[jit]=off",
            "postgres://user@[::1]:5432/database?statement-cache-capacity=0",
            "postgres://u:p@one:5432,two:5433/d?target_session_attrs=read-write",
        ] {
            assert_eq!(mistake(right), None, "{right}");
            assert!(right.is_empty() || super::super::servers::servers(right).is_ok(), "{right}");
        }
    }

    #[test]
    fn a_standby_is_one_server_and_may_be_any() {
        assert_eq!(read_mistake(""), None);
        assert_eq!(read_mistake("postgres://u:p@h:5432/d?sslmode=require"), None);
        for (wrong, said) in [
            ("postgres://u:s3cret@one,two/d", "several servers"),
            ("postgres://u:s3cret@h/d?target_session_attrs=primary", "leave it out"),
            ("mysql://u:s3cret@h/d", "did you mean postgres://?"),
        ] {
            let message = read_mistake(wrong).unwrap_or_else(|| panic!("{wrong} passed"));
            assert!(message.contains(said) && !message.contains("s3cret"), "{wrong}: {message}");
        }
    }

    #[test]
    fn mistakes_are_named_with_their_mend_and_without_a_value() {
        for (wrong, said) in [
            ("\"postgres://u:s3cret@h/d\"", "quotes"),
            ("'postgres://u:s3cret@h/d'", "quotes"),
            ("postgres://u:s3cret@h/d\n", "spaces"),
            ("host=h user=u password=s3cret", "is no URL: write it as postgres://"),
            ("mysql://u:s3cret@h/d", "did you mean postgres://?"),
            ("postgress://u:s3cret@h/d", "did you mean postgres://?"),
            ("postgres://u:s3cret@one%2Ctwo/d", "several hosts"),
            ("postgres://u:s3cret@one,/d", "without a name"),
            ("postgres://u:s3cret@one,two:pg/d", "port that is no number"),
            ("postgres://u:s3cret@one,two/d?target_session_attrs=standby", "read-write or primary"),
            ("postgres://u:s3cret@/d?host=one,two", "several hosts"),
            ("postgres://u:s3#cret@h/d", "percent-encode"),
            ("postgres://u:s3/cret@h/d", "percent-encode"),
            ("postgres://u:s3cret@h:pg/d", "port that is no number"),
            ("postgres://u:s3cret@h/d?keepalives=1", "keepalives is for libpq"),
            ("postgres://u:s3cret@h/d?connect_timeout=3", "database.acquire_timeout"),
            ("postgres://u:s3cret@h/d?sslmode=verify_full", "did you mean verify-full?"),
            ("postgres://u:s3cret@h/d?ssl_mode=require", "did you mean sslmode?"),
            ("postgres://u:p?s3cret@h/d", ""),
            ("postgres://u:s3cret@h/d#x", "# in it"),
        ] {
            let message = mistake(wrong).unwrap_or_else(|| panic!("{wrong} passed"));
            assert!(message.contains(said), "{wrong}: {message}");
            assert!(!message.contains("cret"), "{wrong}: {message}");
        }
    }
}
