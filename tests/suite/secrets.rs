//! Secrets at rest: sealed anew under a new master key, and not to be found in a dump of the database.

use std::process::Output;
use std::time::Duration;

use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgPool};
use switchhook::access::Scope;
use switchhook::admin::secrets;
use switchhook::crypto::{Keys, MasterKeys, is_sealed, purpose};
use switchhook::redact::Secret;
use switchhook::store::sealed::{Resealed, SealedColumn, SealedRow, page, put_back};

use crate::support::keys::{self, MASTER_KEY};
use crate::support::{Binary, database_url, drop_database};

/// The key that everything is sealed under anew.
const NEW_KEY: &str = "0f1e2d3c4b5a69788796a5b4c3d2e1f00112233445566778899aabbccddeeff0";
/// A key that is lost.
const LOST_KEY: &str = "d2e1f00112233445566778899aabbccddeeff00f1e2d3c4b5a69788796a5b4c3";
/// More secrets than two pages hold.
const SECRETS: usize = 1_100;

fn keys_of(text: &str) -> Keys {
    Keys::new(MasterKeys::parse("test", &Secret::new(text)).unwrap())
}

fn both() -> String {
    format!("{NEW_KEY},{MASTER_KEY}")
}

/// As a process has them that was not told of the new order yet.
fn both_old_first() -> String {
    format!("{MASTER_KEY},{NEW_KEY}")
}

fn id_of(key: &str) -> String {
    keys_of(key).master_ids().next().unwrap().to_owned()
}

/// Runs a command under these master keys.
fn run(url: &str, master_key: &str, line: &str) -> Output {
    let mut command = Binary::command(url);
    command.args(line.split_whitespace()).env("SWITCHHOOK_MASTER_KEY", master_key).output().unwrap()
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A secret in every column, many in one of them, and one of them in clear.
async fn fill(pool: &PgPool) {
    let keys = keys::keys();
    let sealed = |purpose, text: &str| keys.seal(purpose, &Secret::new(text));
    let settings = json!({ "time_zone": "UTC", "integrations": {
        "openai": { "api_key": sealed("integrations.openai.api_key", "secret-of-openai"), "model": "v1.small" },
        "whatsapp": { "token": "secret-in-clear" } } });
    let secrets: Vec<String> =
        (0..SECRETS).map(|n| sealed(purpose::CONNECTION_SECRET, &format!("secret-{n}"))).collect();
    let sql = format!(
        "insert into tenants (slug, name, settings) values ('acme', 'Acme', '{settings}');
         insert into connections (tenant_id, provider, slug, header_name, header_value)
         select id, 'retell', 'sealed', 'X-Key', '{header}' from tenants where slug = 'acme';
         insert into oauth_tokens (account, token) values ('\\x0102', '{oauth}');
         insert into users (login, password_hash, role) values ('dana', 'none', 'viewer');
         insert into second_factors (user_id, secret, begun_by) select id, '{factor}', 'a session' from users;
         insert into kept_requests (id, source_id, provider, at, is_known, rank, reason, bytes, request)
         select id, id, 'retell', now(), false, 1, 'x', 1, '{kept}' from connections where slug = 'sealed'",
        header = sealed(purpose::HEADER_VALUE, "secret-header"),
        oauth = sealed(purpose::OAUTH_TOKEN, "secret-of-oauth"),
        factor = sealed(purpose::SECOND_FACTOR, "secret-factor"),
        kept = sealed(purpose::KEPT_REQUEST, "secret-request"),
    );
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(pool).await.unwrap();
    sqlx::query(
        "insert into connection_secrets (connection_id, secret)
         select c.id, s from connections c, unnest($1::text[]) s where c.slug = 'sealed'",
    )
    .bind(&secrets)
    .execute(pool)
    .await
    .unwrap();
}

/// What every value opens to under these keys alone, as one sorted list.
async fn opened(pool: &PgPool, keys: &Keys) -> Vec<String> {
    let mut found = Vec::new();
    for (column, purpose) in [
        (SealedColumn::SourceSecrets, purpose::CONNECTION_SECRET),
        (SealedColumn::SourceHeaders, purpose::HEADER_VALUE),
        (SealedColumn::OauthTokens, purpose::OAUTH_TOKEN),
        (SealedColumn::SecondFactors, purpose::SECOND_FACTOR),
        (SealedColumn::KeptRequests, purpose::KEPT_REQUEST),
        (SealedColumn::OwnKeys, switchhook::crypto::DIGEST_KEY),
    ] {
        for row in page(pool, column, "", 10_000).await.unwrap() {
            found.push(keys.open(purpose, &row.value).unwrap().into_exposed());
        }
    }
    let settings: Value =
        sqlx::query_scalar("select settings from tenants where slug = 'acme'").fetch_one(pool).await.unwrap();
    for (key, place) in [
        ("integrations.openai.api_key", "/integrations/openai/api_key"),
        ("integrations.whatsapp.token", "/integrations/whatsapp/token"),
    ] {
        let text = settings.pointer(place).unwrap().as_str().unwrap();
        found.push(keys.open_or_clear(key, text).unwrap().into_exposed());
    }
    found.sort();
    found
}

async fn count_under(pool: &PgPool, key: &str) -> i64 {
    let like = format!("v1.{}.%", id_of(key));
    sqlx::query_scalar("select count(*) from connection_secrets where secret like $1")
        .bind(like)
        .fetch_one(pool)
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_that_is_killed_goes_on_where_it_stopped_and_then_nothing_needs_the_old_key() {
    let (name, url) = database_url().await;
    let pool = PgPool::connect(&url).await.unwrap();
    fill(&pool).await;
    let before = opened(&pool, &keys::keys()).await;

    let status = text(&run(&url, &both(), "secrets status"));
    assert!(status.contains("older") && status.contains("(in clear)") && status.contains("secrets rotate"), "{status}");
    // The last page waits for a row that somebody holds; there the rotation is killed.
    let mut blocker = pool.begin().await.unwrap();
    let last = "select id from connection_secrets order by id::text collate \"C\" desc limit 1 for update";
    sqlx::query(last).execute(&mut *blocker).await.unwrap();
    let mut command = Binary::command(&url);
    command.args(["secrets", "rotate"]).env("SWITCHHOOK_MASTER_KEY", both());
    let mut child = command.spawn().unwrap();
    for _ in 0..300 {
        if count_under(&pool, NEW_KEY).await >= 1_000 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    child.kill().unwrap();
    child.wait().unwrap();
    blocker.rollback().await.unwrap();
    let (new, old) = (count_under(&pool, NEW_KEY).await, count_under(&pool, MASTER_KEY).await);
    assert_eq!((new, old), (1_000, SECRETS as i64 - 1_000), "two pages are done, and the third not begun");
    assert_eq!(opened(&pool, &keys_of(&both())).await, before, "nothing is lost in between");
    assert!(run(&url, &both(), "process").status.success(), "both keys are enough in between");

    let rotated = run(&url, &both(), "secrets rotate");
    assert!(rotated.status.success(), "{}", text(&rotated));
    assert!(text(&rotated).contains("connection_secrets.secret: 100 sealed anew"), "{}", text(&rotated));
    assert_eq!(opened(&pool, &keys_of(NEW_KEY)).await, before, "the new key opens everything, which is what it was");
    let status = text(&run(&url, &both(), "secrets status"));
    assert!(status.contains(&format!("Nothing needs {} any more", id_of(MASTER_KEY))), "{status}");
    let alone = run(&url, NEW_KEY, "secrets status");
    assert!(alone.status.success() && text(&alone).contains("Everything is sealed"), "{}", text(&alone));
    assert!(run(&url, NEW_KEY, "process").status.success(), "the old key may go");
    let logged: i64 =
        sqlx::query_scalar("select sum(row_count)::bigint from operator_log where action = 'rotate_master_key'")
            .fetch_one(&pool)
            .await
            .unwrap();
    assert_eq!(
        logged,
        SECRETS as i64 + 6,
        "every row that was sealed anew is in the log, those before the kill as well"
    );
    let columns: i64 = sqlx::query_scalar("select count(distinct details ->> 'column') from operator_log")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(columns, SealedColumn::ALL.len() as i64);
    pool.close().await;
    drop_database(&name).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_opened_stays_and_is_named_and_everything_else_is_sealed_anew() {
    let (name, url) = database_url().await;
    let pool = PgPool::connect(&url).await.unwrap();
    fill(&pool).await;
    let lost = keys_of(LOST_KEY).seal(purpose::SECOND_FACTOR, &Secret::new("lost"));
    sqlx::query("update second_factors set secret = $1").bind(&lost).execute(&pool).await.unwrap();
    let broken =
        "update tenants set settings = jsonb_set(settings, '{integrations,openai,api_key}', '\"v1.00000000.AA\"')";
    sqlx::query(broken).execute(&pool).await.unwrap();

    let status = run(&url, &both(), "secrets status");
    assert!(status.status.code() == Some(1) && text(&status).contains("missing"), "{}", text(&status));
    assert!(text(&status).contains(&id_of(LOST_KEY)), "{}", text(&status));
    let doctor = run(&url, &both(), "doctor --quick");
    assert!(doctor.status.code() == Some(1) && text(&doctor).contains(&id_of(LOST_KEY)), "{}", text(&doctor));
    let rotated = run(&url, &both(), "secrets rotate");
    let said = text(&rotated);
    assert!(
        rotated.status.code() == Some(1) && said.contains("second_factors.secret") && said.contains("left as it is"),
        "{said}"
    );
    assert!(said.contains("tenants.settings") && !said.contains("secret-"), "{said}");
    assert_eq!(count_under(&pool, NEW_KEY).await, SECRETS as i64);
    let kept: String = sqlx::query_scalar("select secret from second_factors").fetch_one(&pool).await.unwrap();
    assert_eq!(kept, lost, "what is not understood is not touched");
    let token: String =
        sqlx::query_scalar("select settings #>> '{integrations,whatsapp,token}' from tenants where slug = 'acme'")
            .fetch_one(&pool)
            .await
            .unwrap();
    assert!(is_sealed(&token), "a neighbour among the settings is sealed all the same: {token}");
    pool.close().await;
    drop_database(&name).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_changes_in_the_meantime_is_not_written_over() {
    let (name, url) = database_url().await;
    let pool = PgPool::connect(&url).await.unwrap();
    fill(&pool).await;
    for column in SealedColumn::ALL {
        let row = page(&pool, *column, "", 1).await.unwrap().remove(0);
        let stale = match column {
            SealedColumn::TenantSettings => json!({ "time_zone": "Europe/Madrid" }).to_string(),
            _ => "v1.00000000.AA".to_owned(),
        };
        let before = SealedRow { id: row.id.clone(), value: stale };
        let rows = put_back(&pool, *column, &[Resealed { before, after: row.value.clone() }]).await.unwrap();
        assert_eq!(rows, 0, "{}", column.as_str());
        let same = Resealed { before: row.clone(), after: row.value.clone() };
        assert_eq!(put_back(&pool, *column, &[same]).await.unwrap(), 1, "{}", column.as_str());
    }
    let keys = keys_of(&both());
    let rotation = secrets::rotate(&pool, &Scope::cli("test"), &keys).await.unwrap();
    assert_eq!(rotation.left, []);
    let again = secrets::rotate(&pool, &Scope::cli("test"), &keys).await.unwrap();
    assert!(again.resealed.iter().all(|(_, rows)| *rows == 0), "{again:?}");
    pool.close().await;
    drop_database(&name).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_runs_takes_webhooks_before_and_after_a_rotation_and_under_the_new_key_alone() {
    let (name, url) = database_url().await;
    let send = |binary: &Binary| {
        let bind = binary.base.trim_start_matches("http://").to_owned();
        let mut command = Binary::command(&url);
        command.args(["trigger", "retell", "call_ended"]).env("SWITCHHOOK_MASTER_KEY", both());
        let sent = command.env("SWITCHHOOK__HTTP__BIND", bind).output().unwrap();
        assert!(sent.status.success(), "{}", text(&sent));
    };
    let binary = Binary::serve_under(&both_old_first(), &url).await;
    Binary::give_secret(&url, "retell", "key-of-retell-that-is-long-enough");
    send(&binary);
    let rotated = run(&url, &both(), "secrets rotate");
    assert!(rotated.status.success(), "{}", text(&rotated));
    send(&binary);
    drop(binary);
    send(&Binary::serve_under(NEW_KEY, &url).await);
    let pool = PgPool::connect(&url).await.unwrap();
    let stored: i64 = sqlx::query_scalar("select count(*) from webhook_events").fetch_one(&pool).await.unwrap();
    assert!(stored >= 1);
    pool.close().await;
    drop_database(&name).await;
}
