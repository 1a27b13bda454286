//! One throw-away cluster for the whole run. It ends with the process.

use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::postgres::PgPoolOptions;
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool};
use switchhook::embedded_postgres::{Cluster, Options};
use tokio::sync::Mutex;

use super::{keys, roles};

/// The database that every test's is copied from.
const TEMPLATE: &str = "suite_template";
static CLUSTER: OnceLock<Cluster> = OnceLock::new();
static NUMBER: AtomicU32 = AtomicU32::new(0);
/// The folder of the programs of the Postgres to test with (`make test-postgres`); else it is the one of this machine.
const POSTGRES: &str = "SWITCHHOOK_TEST_POSTGRES";
/// Copies one at a time: the source must not be in use.
static COPYING: Mutex<()> = Mutex::const_new(());

/// A fresh database with the schema.
pub async fn database() -> (String, PgPool) {
    let name = format!("t{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
    {
        let _copying = COPYING.lock().await;
        execute(&admin_url(), &format!("create database {name} template {TEMPLATE}")).await;
    }
    let pool = PgPoolOptions::new().max_connections(8).connect(&url_of(&name)).await.unwrap();
    (name, pool)
}

pub async fn drop_database(name: &str) {
    execute(&admin_url(), &format!("drop database if exists {name} with (force)")).await;
}

pub async fn database_url() -> (String, String) {
    let (name, pool) = database().await;
    pool.close().await;
    let url = url_of(&name);
    (name, url)
}

pub fn admin_url() -> String {
    url_of("postgres")
}

pub fn url_of(database: &str) -> String {
    cluster().url(database)
}

fn cluster() -> &'static Cluster {
    CLUSTER.get_or_init(|| std::thread::spawn(start).join().unwrap())
}

fn start() -> Cluster {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let cluster = runtime.block_on(async {
        let folder = std::env::temp_dir().join(format!("switchhook-suite-{}", std::process::id()));
        let wanted = std::env::var_os(POSTGRES);
        let path = wanted.clone().or_else(|| std::env::var_os("PATH"));
        let options = Options::throw_away(folder).setting("max_connections", "300").path(path);
        let cluster = Cluster::start(options).await.unwrap();
        let url = cluster.url("postgres");
        if let Some(wanted) = wanted {
            assert_runs_from(&url, Path::new(&wanted)).await;
        }
        execute(&url, &format!("create database {TEMPLATE}")).await;
        let pool = PgPoolOptions::new().max_connections(2).connect(&cluster.url(TEMPLATE)).await.unwrap();
        switchhook::db::migrate(&pool).await.unwrap();
        pool.close().await;
        execute(&cluster.url(TEMPLATE), &keys::set_digest_key()).await;
        if roles::program_is_runtime() {
            roles::make_roles(&cluster.url(TEMPLATE)).await;
        }
        cluster
    });
    // The cluster needs its runtime no more, and must not take it down in a drop.
    std::mem::forget(runtime);
    cluster
}

/// A cluster of other programs than those that were asked for would test nothing.
async fn assert_runs_from(url: &str, wanted: &Path) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    let folder: String = sqlx::query_scalar("select setting from pg_config where name = 'BINDIR'")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
    assert_eq!(Path::new(&folder), wanted.canonicalize().unwrap(), "{POSTGRES}: the cluster runs from elsewhere");
}

pub async fn execute(url: &str, statement: &str) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}
