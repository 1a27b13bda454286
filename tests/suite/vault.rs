//! Master keys: where they come from, and what the program says when they are missing or wrong.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use sqlx::Connection;

use crate::support::{Binary, database_url, drop_database, keys, url_of};

/// Another key than the tests'.
const OTHER_KEY: &str = "0f1e2d3c4b5a69788796a5b4c3d2e1f00112233445566778899aabbccddeeff0";

/// Starts the program with this master key, which must end it at once, and returns its exit code and what it said.
fn serve_with(url: &str, key: Option<&str>) -> (i32, String) {
    let mut command = Binary::command(url);
    command.arg("serve").env("SWITCHHOOK__HTTP__BIND", "127.0.0.1:0");
    match key {
        Some(key) => command.env("SWITCHHOOK_MASTER_KEY", key),
        None => command.env_remove("SWITCHHOOK_MASTER_KEY"),
    };
    let output = command.output().unwrap();
    (output.status.code().unwrap(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_or_wrong_master_key_is_one_clear_error_at_start() {
    let (name, url) = database_url().await;
    let (code, text) = serve_with(&url, None);
    assert!(code == 2 && text.contains("no master key") && text.contains("switchhook secrets new-key"), "{text}");
    let (code, text) = serve_with(&url, Some(OTHER_KEY));
    assert!(code == 2 && text.contains("wrong master key"), "{code} {text}");
    let (code, text) = serve_with(&url, Some("hunter2hunter2"));
    assert!(code == 2 && text.contains("not 32 bytes") && !text.contains("hunter2"), "{code} {text}");
    // Nothing is lost: with both keys, in whatever order, it starts.
    for key in [format!("{OTHER_KEY},{}", keys::MASTER_KEY), format!("{},{OTHER_KEY}", keys::MASTER_KEY)] {
        let output = Binary::command(&url).arg("process").env("SWITCHHOOK_MASTER_KEY", key).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    drop_database(&name).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_file_of_ones_own_is_read_and_refused_if_others_may_read_it() {
    let (name, url) = database_url().await;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), format!("# the tests' key\n{}\n", keys::MASTER_KEY)).unwrap();
    let run = |mode| {
        std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(mode)).unwrap();
        let mut command = Binary::command(&url);
        command.env_remove("SWITCHHOOK_MASTER_KEY").env("SWITCHHOOK__SECRETS__KEY_FILE", file.path());
        let output = command.args(["process"]).output().unwrap();
        (output.status.code().unwrap(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, text) = run(0o644);
    assert!(code == 2 && text.contains(&format!("chmod 600 {}", file.path().display())), "{code} {text}");
    let (code, text) = run(0o600);
    assert_eq!(code, 0, "{text}");
    drop_database(&name).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_key_ends_the_program_also_when_the_database_comes_later() {
    let (name, url) = database_url().await;
    let rename = |from: String, to: String| async move {
        let mut connection = sqlx::PgConnection::connect(&url_of("postgres")).await.unwrap();
        let statement = format!("alter database {from} rename to {to}");
        sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(&mut connection).await.unwrap();
    };
    let away = format!("{name}_away");
    rename(name.clone(), away.clone()).await;
    let mut command = Binary::command(&url);
    command
        .args(["serve"])
        .env("SWITCHHOOK_MASTER_KEY", OTHER_KEY)
        .env("SWITCHHOOK__HTTP__BIND", "127.0.0.1:0")
        .env("SWITCHHOOK__DATABASE__ACQUIRE_TIMEOUT", "200ms")
        .stderr(std::process::Stdio::piped());
    let child = command.spawn().unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    rename(away, name.clone()).await;
    let output = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap()).await.unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(2) && text.contains("wrong master key"), "{text}");
    drop_database(&name).await;
}
