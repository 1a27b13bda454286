//! Secrets in a database that holds none in clear: looked for in every row of every table.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use sqlx::{AssertSqlSafe, PgConnection, Row};

/// What the secrets of every test begin with: the default sources' and those of `dump.rs`.
pub const MARKS: &[&str] = &["test-secret-of-", "url-token-of-", "live-token-of-"];
/// What API tokens and signing secrets of ours look like.
const OURS: &str = "shk_[A-Za-z0-9_-]{30}|whsec_[a-z2-9]{30}";
/// A value that is sealed (src/crypto/master.rs): any letters may stand in it, those of a token too.
const SEALED: &str = "v1[.][A-Za-z0-9_-]+[.][A-Za-z0-9_-]+";
/// Settings whose values are secrets, and are in no row.
const SECRET_SETTINGS: &[&str] =
    &["TOKEN", "API_KEY", "WEBHOOK_URL", "SMTP_URL", "AUTH_TOKEN", "CLIENT_SECRET", "REFRESH_TOKEN"];
/// Rows of a table that are looked through: tests that write more write the same row again and again.
const ROWS_MAX: u32 = 5_000;

/// The secrets among the settings of an app that are long enough to be told from anything else.
pub fn of_settings(settings: &BTreeMap<String, String>) -> Vec<String> {
    let is_secret = |name: &str| SECRET_SETTINGS.iter().any(|last| name.ends_with(&format!("__{last}")));
    let secrets = settings.iter().filter(|(name, value)| is_secret(name) && value.len() >= 10);
    secrets.map(|(_, value)| value.clone()).collect()
}

/// The ways in which a text may stand in a dump: as it is, encoded for a URL, in base64 (also in the middle of a longer
/// text), and in hex, as which Postgres writes bytes.
pub fn encodings(secret: &str) -> Vec<String> {
    let escaped: String = secret
        .bytes()
        .map(|byte| match byte {
            byte if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect();
    let all_escaped: String = secret.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    let mut found = vec![secret.to_owned(), escaped, all_escaped, hex.to_uppercase(), hex];
    for before in 0..3 {
        let whole = [vec![0; before], secret.as_bytes().to_vec()].concat();
        for text in [STANDARD.encode(&whole), URL_SAFE.encode(&whole)] {
            // What depends on the neighbours is cut off.
            let begin = [0, 2, 3][before];
            let end = whole.len() / 3 * 4;
            found.push(text[begin..end].to_owned());
        }
    }
    found.sort();
    found.dedup();
    found
}

/// Every table with its rows as text.
pub async fn dump(url: &str) -> BTreeMap<String, String> {
    let mut connection = <PgConnection as sqlx::Connection>::connect(url).await.unwrap();
    let mut dump = BTreeMap::new();
    for table in tables(&mut connection).await {
        let sql = format!("select coalesce(string_agg(t::text, E'\\n'), '') from {table} t");
        let text = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut connection).await.unwrap();
        dump.insert(table, text);
    }
    dump
}

/// The tables that hold one of these secrets, or anything that looks like one of ours.
pub async fn leaked(url: &str, secrets: &[String]) -> Vec<String> {
    let mut connection = <PgConnection as sqlx::Connection>::connect(url).await.unwrap();
    let marks = MARKS.iter().map(|mark| (*mark).to_owned()).chain(secrets.iter().cloned());
    let hex = |text: &str| text.bytes().map(|byte| format!("{byte:02x}")).collect::<String>();
    let known: Vec<String> = marks.flat_map(|mark| [hex(&mark), quoted(&mark)]).collect();
    let pattern = format!("{OURS}|{}", known.join("|"));
    let selects: Vec<String> = tables(&mut connection)
        .await
        .into_iter()
        .map(|table| {
            format!(
                "(select '{table}: ' || substring(x.row from $1) as leak
                  from (select regexp_replace(t::text, $2, 'sealed', 'g') as row from {table} t limit {ROWS_MAX}) x
                  where x.row ~ $1 limit 1)"
            )
        })
        .collect();
    let sql = selects.join(" union all ");
    let rows = sqlx::query(AssertSqlSafe(sql)).bind(pattern).bind(SEALED).fetch_all(&mut connection).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

async fn tables(connection: &mut PgConnection) -> Vec<String> {
    sqlx::query_scalar(
        "select c.oid::regclass::text from pg_class c join pg_namespace n on n.oid = c.relnamespace
         where c.relkind = 'r' and n.nspname = 'public' order by 1",
    )
    .fetch_all(connection)
    .await
    .unwrap()
}

/// As a regular expression that means itself.
fn quoted(text: &str) -> String {
    text.chars().flat_map(|c| if c.is_ascii_alphanumeric() { vec![c] } else { vec!['\\', c] }).collect()
}
