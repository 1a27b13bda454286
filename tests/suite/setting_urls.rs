//! URLs among the settings: credentials in them are never printed, and credentials are never sent to one in clear.

use std::collections::BTreeMap;

use serde_json::json;
use switchhook::config::Config;

use crate::support::keys::keys;
use crate::support::{Binary, database_url, drop_database};

/// The text of the program's answer, and its exit code.
fn run(url: &str, line: &str, settings: &[(&str, &str)]) -> (i32, String) {
    let mut command = Binary::command(url);
    for (name, value) in settings {
        command.env(format!("SWITCHHOOK__{name}"), value);
    }
    let output = command.args(line.split_whitespace()).output().unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output.status.code().unwrap(), text)
}

/// Every setting whose default is a text, as its path.
fn text_settings() -> Vec<String> {
    fn walk(prefix: &str, value: &toml::Value, found: &mut Vec<String>) {
        match value {
            toml::Value::String(_) => found.push(prefix.to_owned()),
            toml::Value::Table(table) => {
                for (key, value) in table {
                    let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
                    walk(&path, value, found);
                }
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    walk("", &toml::Value::Table(switchhook::config::DEFAULT.parse().unwrap()), &mut found);
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn config_print_shows_no_credentials_in_the_url_of_any_setting() {
    let credentials = ["us3rname", "passw0rd", "qu3ry-value", "fr4gment"];
    for key in text_settings() {
        let name = format!("SWITCHHOOK__{}", key.to_uppercase().replace('.', "__"));
        for value in [
            "https://us3rname:passw0rd@api.example.com/v1?key=qu3ry-value#fr4gment",
            "https://api.example.com/v1?qu3ry-value",
            "redis://us3rname:passw0rd@one:1,two:2/x",
        ] {
            let environment = BTreeMap::from([(name.clone(), value.to_owned())]);
            let printed = switchhook::config::effective(None, &environment).unwrap().to_string();
            for credential in credentials {
                assert!(!printed.contains(credential), "{key} = {value}: {credential}");
            }
        }
    }
    let settings =
        [("OIDC__REDIRECT_URL", ""), ("INTEGRATIONS__TWILIO__BASE_URL", "https://me:passw0rd@t.example.com/")];
    let (name, url) = database_url().await;
    let (code, text) = run(&url, "config print", &settings);
    assert!(code == 0 && text.contains("https://redacted:redacted@t.example.com/"), "{text}");
    assert_eq!(run(&url, "tenant add acme", &[]).0, 0);
    let set = "tenant set acme integrations.twilio.base_url https://me:passw0rd@t.example.com/?k=qu3ry-value";
    assert_eq!(run(&url, set, &[]).0, 0);
    let (code, text) = run(&url, "tenant settings acme", &[]);
    assert!(code == 0 && text.contains("https://redacted:redacted@t.example.com/?k=redacted"), "{text}");
    drop_database(&name).await;
}

#[test]
fn credentials_are_sent_over_tls_or_to_this_machine() {
    let vendor_urls: Vec<String> =
        text_settings().into_iter().filter(|key| key.starts_with("integrations.") && key.ends_with("_url")).collect();
    assert!(vendor_urls.len() >= 11, "{vendor_urls:?}");
    let shipped = Config::from_parts(None, &BTreeMap::new()).unwrap();
    for key in vendor_urls {
        let name = format!("SWITCHHOOK__{}", key.to_uppercase().replace('.', "__"));
        let with = |value: &str| Config::from_parts(None, &BTreeMap::from([(name.clone(), value.to_owned())]));
        let of_tenant = |value: &str| shipped.with_tenant_setting(&json!({}), &key, Some(value), &keys());
        for bad in ["http://vendor.example.com/v1", "HTTP://10.0.0.7/", "http://localhost.example.com"] {
            for error in [with(bad).err(), of_tenant(bad).err()] {
                let error = error.unwrap_or_else(|| panic!("{key} = {bad}")).to_string();
                assert_eq!(
                    error,
                    format!("{key}: must be https (http on loopback alone): the credentials travel with every request")
                );
            }
        }
        for good in ["https://vendor.example.com/v1", "http://127.0.0.1:9/v1", "http://[::1]:9", "http://localhost:9"] {
            assert!(with(good).is_ok() && of_tenant(good).is_ok(), "{key} = {good}");
        }
    }
    let mail = ("SWITCHHOOK__INTEGRATIONS__EMAIL__SMTP_URL", "smtp://me:passw0rd@mail.example.com");
    let error = Config::from_parts(None, &BTreeMap::from([(mail.0.to_owned(), mail.1.to_owned())])).unwrap_err();
    assert_eq!(error.to_string(), "integrations.email.smtp_url: has credentials and no TLS: add ?tls=required");
}
