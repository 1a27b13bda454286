//! What is read from where, and what is refused.

use std::time::Duration;

use super::*;

fn environment(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn the_shipped_file_is_complete() {
    let config = Config::from_parts(None, &BTreeMap::new()).unwrap();
    assert_eq!(config.http.body_limit("elevenlabs"), 32 * 1024 * 1024);
    assert_eq!(config.processor.retry.longest, Duration::from_secs(3600));
}

#[test]
fn environment_over_file_over_default() {
    let file = "[http]\nflushers = 3\ncommit_rows_max = 10\n[handlers]\n\"dialpad/sms.received\" = \"on_sms\"";
    let env = environment(&[
        ("SWITCHHOOK__HTTP__FLUSHERS", "4"),
        ("SWITCHHOOK__HTTP__TRUSTED_PROXIES", "10.0.0.0/8, 192.0.2.0/24"),
        ("SWITCHHOOK__HTTP__BODY_BYTES_MAX__RETELL", "1000"),
        ("DATABASE_URL", "postgres://example"),
    ]);
    let config = Config::from_parts(Some(("my.toml", file)), &env).unwrap();
    assert_eq!((config.http.flushers, config.http.commit_rows_max), (4, 10));
    assert_eq!(config.http.trusted_proxies.len(), 2);
    assert_eq!(config.http.body_limit("retell"), 1000);
    assert_eq!(config.handlers.len(), 1);
    assert!(!format!("{config:?}").contains("postgres://example"));
}

#[test]
fn mistakes_are_named_with_their_mend() {
    let error = |file: &str, env: &[(&str, &str)]| {
        Config::from_parts(Some(("my.toml", file)), &environment(env)).unwrap_err().to_string()
    };
    assert_eq!(error("[http]\nbnid = 1", &[]), "my.toml: unknown key http.bnid; did you mean http.bind?");
    assert_eq!(
        error("", &[("SWITCHHOOK__PROCESSOR__BATCHSIZE", "1")]),
        "SWITCHHOOK__PROCESSOR__BATCHSIZE: unknown key processor.batchsize; did you mean processor.batch_size?"
    );
    assert!(error("[outreach]\ndelay = \"soon\"", &[]).starts_with("outreach.delay: not a duration"));
    assert!(error("[http\n", &[]).starts_with("my.toml: not TOML: line 1"));
    assert_eq!(error("", &[("SWITCHHOOK__HTTP__FLUSHERS", "many")]), "http.flushers: not a whole number");
}

#[test]
fn what_reads_well_and_would_not_work_is_refused_with_its_mend() {
    let error = |name: &str, value: &str| {
        let error = Config::from_parts(None, &environment(&[(name, value)])).err();
        error.unwrap_or_else(|| panic!("{name}={value} passed")).to_string()
    };
    assert_eq!(
        error("SWITCHHOOK__OUTREACH__TIME_ZONE", "Israel/Tel_Aviv"),
        "outreach.time_zone: not a time zone of the IANA list, such as Europe/Madrid; did you mean Asia/Tel_Aviv?"
    );
    assert_eq!(
        error("SWITCHHOOK__LOG__LEVEL", "warning"),
        "log.level: warning is no level (off, error, warn, info, debug, trace); did you mean warn?"
    );
    assert_eq!(
        error("SWITCHHOOK_HTTP__BIND", "0.0.0.0:80"),
        "SWITCHHOOK_HTTP__BIND: no variable of this program; did you mean SWITCHHOOK__HTTP__BIND?"
    );
    assert_eq!(
        error("DATABASE_URL", "\"postgres://u:s3cret@h/d\""),
        "database.url: has quotes or spaces around it, which belong to no URL: leave them out"
    );
    assert_eq!(
        error("DATABASE_URL", "postgres://u:s3cret@h/d?keepalives=1"),
        "database.url: keepalives is for libpq and would have no effect here: leave it out"
    );
    assert!(
        error("DATABASE_URL", "postgres://u:s3cret@/d?host=one,two").starts_with("database.url: names several hosts")
    );
    assert_eq!(
        error("SWITCHHOOK__PHONES__DEFAULT_REGION", "UK"),
        "phones.default_region: not an ISO 3166 code such as US, GB or IL"
    );
}

#[test]
fn proxies_are_addresses_and_networks() {
    let proxies = |text: &str| {
        let file = format!("[http]\ntrusted_proxies = {text}");
        Config::from_parts(Some(("my.toml", &file)), &BTreeMap::new()).map(|config| config.http.trusted_proxies)
    };
    let shown = |text: &str| proxies(text).unwrap().iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    assert_eq!(shown(r#"["127.0.0.1", "10.0.0.0/8", " ::1 "]"#), "127.0.0.1/32 10.0.0.0/8 ::1/128");
    // Senders are compared in their IPv4 form.
    assert_eq!(shown(r#"["::ffff:192.0.2.7"]"#), "192.0.2.7/32");
    assert_eq!(
        proxies(r#"["localhost"]"#).unwrap_err().to_string(),
        "http.trusted_proxies: localhost is neither an address nor a network: write 192.0.2.7 or 10.0.0.0/8"
    );
}

#[test]
fn a_tenants_time_zone_is_checked_as_the_programs() {
    let config = Config::from_parts(None, &BTreeMap::new()).unwrap();
    let own = serde_json::json!({ "outreach": { "time_zone": "Europe/Berln" } });
    let error = config.for_tenant(&own, &Keys::new(crate::crypto::MasterKeys::fresh())).unwrap_err().to_string();
    assert!(error.ends_with("did you mean Europe/Berlin?"), "{error}");
}

#[test]
fn a_standby_is_one_of_a_server_of_ones_own() {
    let read = |text: &str| {
        let file = format!("[database]\n{text}");
        Config::from_parts(Some(("my.toml", &file)), &BTreeMap::new()).map_err(|error| error.to_string())
    };
    let (url, read_url) = ("url = \"postgres://u:p@one/d\"\n", "read_url = \"postgres://u:p@two/d\"\n");
    assert!(read(&format!("{url}{read_url}")).is_ok());
    for (text, said) in [
        (read_url.to_owned(), "database.read_url: the private Postgres has no standby"),
        (format!("{url}read_{url}"), "database.read_url: is the same as database.url"),
        (format!("{url}{read_url}read_lag = \"500ms\""), "database.read_lag: 1s at least"),
    ] {
        let error = read(&text).unwrap_err();
        assert!(error.starts_with(said), "{error}");
    }
}
