//! The roles of `sql/ops/roles.sql`: made by psql as an operator makes them, and the program connected as one of them.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use tokio::sync::Mutex;

use super::app::TestApp;
use super::cluster;

/// `runtime`: the program of every test runs as the runtime role, and only the test itself as the owner.
const ROLE: &str = "SWITCHHOOK_TEST_ROLE";
/// The roles, with the names that `roles.sql` gives them.
pub const RUNTIME: &str = "switchhook_runtime";
pub const READER: &str = "switchhook_reader";
/// The owner of the private cluster, and of everything in it.
const SUPERUSER: &str = "switchhook";
/// Roles belong to the whole cluster; two files at once would both make them.
static MAKING: Mutex<()> = Mutex::const_new(());

/// Whether the program of every test runs as the runtime role.
pub fn program_is_runtime() -> bool {
    std::env::var(ROLE).is_ok_and(|role| {
        assert_eq!(role, "runtime", "{ROLE} knows no other word");
        true
    })
}

/// psql on the path, else where Debian keeps it.
pub fn psql() -> Command {
    client("psql")
}

/// A client program of Postgres: on the path, else where Debian keeps it.
pub fn client(name: &str) -> Command {
    let on_path =
        std::env::var_os("PATH").into_iter().flat_map(|path| std::env::split_paths(&path).collect::<Vec<_>>());
    let of_debian =
        std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|v| v.path().join("bin"));
    let found: Option<PathBuf> = on_path.chain(of_debian).map(|folder| folder.join(name)).find(|file| file.is_file());
    Command::new(found.unwrap_or_else(|| panic!("{name} is needed to test sql/ops and restoring")))
}

/// Runs `sql/ops/roles.sql` over a database, with these variables.
pub async fn run_roles_file(url: &str, variables: &[&str]) -> Output {
    let _making = MAKING.lock().await;
    let mut command = psql();
    command.args(["-X", "-q", "-A", "-t", "-d", url]).args(variables.iter().flat_map(|variable| ["-v", variable]));
    command.arg("-f").arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("sql/ops/roles.sql")).output().unwrap()
}

/// Makes the roles of a database. They get the password that the cluster's own user has.
pub async fn make_roles(url: &str) {
    let output = run_roles_file(url, &[]).await;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && said.is_empty(), "roles.sql: {said}");
    let _making = MAKING.lock().await;
    let password = url.split(':').nth(2).unwrap().split('@').next().unwrap();
    for role in [RUNTIME, READER, "switchhook_owner"] {
        cluster::execute(url, &format!("alter role {role} password '{password}'")).await;
    }
    // Tests make tables of their own as the cluster's user, as people do as the owner, for handlers of theirs.
    let own = format!(
        "alter default privileges in schema public grant select, insert, update, delete on tables to {RUNTIME}"
    );
    cluster::execute(url, &own).await;
}

/// Makes an empty database ready for a program that is to run as the runtime role, if it is.
pub async fn prepare(url: &str) {
    if program_is_runtime() {
        let pool = PgPoolOptions::new().max_connections(1).connect(url).await.unwrap();
        switchhook::db::migrate(&pool).await.unwrap();
        pool.close().await;
        make_roles(url).await;
    }
}

/// The same database as another role.
pub fn url_as(role: &str, url: &str) -> String {
    url.replacen(&format!("//{SUPERUSER}:"), &format!("//{role}:"), 1)
}

/// Whom the program logs in as.
pub fn login() -> &'static str {
    if program_is_runtime() { RUNTIME } else { SUPERUSER }
}

/// The database as the program reaches it.
pub fn url_of_program(url: &str) -> String {
    if program_is_runtime() { url_as(RUNTIME, url) } else { url.to_owned() }
}

pub async fn pool_as(role: &str, url: &str) -> PgPool {
    PgPoolOptions::new().max_connections(8).connect(&url_as(role, url)).await.unwrap()
}

impl TestApp {
    /// With the program running as the runtime role; the test's own SQL is the owner's.
    pub async fn spawn_as_runtime() -> Self {
        let (database, owner) = cluster::database().await;
        make_roles(&cluster::url_of(&database)).await;
        let url = url_as(RUNTIME, &cluster::url_of(&database));
        Self::spawn_over(database, owner, url, &[], switchhook::providers::registry()).await
    }
}
