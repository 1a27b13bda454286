//! The cluster from outside: started, found, stopped, killed.

use std::ffi::OsString;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, geteuid};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, Row as _};

use super::account::Account;
use super::*;

/// A folder that everybody may enter, unlike those of `tempfile`, deleted at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(mode: u32) -> Self {
        use std::os::unix::fs::PermissionsExt as _;
        let path = std::env::temp_dir().join(format!("switchhook-test-{:016x}", rand::random::<u64>()));
        std::fs::create_dir(&path).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        Self(path)
    }

    fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

async fn run(url: &str, statement: &str) -> Result<i32, sqlx::Error> {
    let mut connection = PgConnection::connect(url).await?;
    let row = connection.fetch_optional(AssertSqlSafe(statement.to_owned())).await?;
    connection.close().await?;
    row.map_or(Ok(0), |row| row.try_get(0))
}

async fn write_row(url: &str) {
    run(url, "create table kept (n int4)").await.unwrap();
    run(url, "insert into kept values (42)").await.unwrap();
}

async fn row(url: &str) -> i32 {
    run(url, "select n from kept").await.unwrap()
}

fn pid(cluster_dir: &Path) -> Pid {
    let postmaster = Postmaster::read(&cluster_dir.join("data")).unwrap();
    Pid::from_raw(i32::try_from(postmaster.pid).unwrap())
}

async fn gone(pid: Pid) -> bool {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(10) {
        if kill(pid, None).is_err() {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    false
}

#[tokio::test]
async fn a_throw_away_cluster_answers_and_leaves_nothing() {
    let folder = Folder::new(0o755);
    let cluster = Cluster::start(Options::throw_away(folder.join("x"))).await.unwrap();
    assert_eq!(run(&cluster.url(DATABASE), "select 1").await.unwrap(), 1);
    assert!(binaries::MAJORS.contains(&cluster.version()));
    assert!(cluster.socket_dir().join(format!(".s.PGSQL.{}", cluster.port)).exists());
    let pid = pid(cluster.data_dir());
    cluster.stop().await.unwrap();
    assert!(gone(pid).await);
    assert!(!folder.join("x").exists());
}

#[tokio::test]
async fn a_stranger_does_not_get_in_and_the_password_is_not_printed() {
    let folder = Folder::new(0o755);
    let cluster = Cluster::start(Options::throw_away(folder.join("x"))).await.unwrap();
    let password = cluster.password.clone();
    let refused = run(&cluster.url(DATABASE).replace(&password, "guess"), "select 1").await.unwrap_err();
    assert_eq!(refused.as_database_error().unwrap().code().unwrap(), "28P01");
    assert!(!format!("{cluster:?} {:?}", cluster.options).contains(&password));
    cluster.stop().await.unwrap();
}

#[tokio::test]
async fn a_kept_cluster_is_there_again_at_the_same_address() {
    let folder = Folder::new(0o755);
    let cluster = Cluster::start(Options::keep(&folder.0, |_| {})).await.unwrap();
    let url = cluster.url(DATABASE);
    write_row(&url).await;
    cluster.stop().await.unwrap();
    assert_eq!(find_running(&folder.0).await, None);

    let cluster = Cluster::start(Options::keep(&folder.0, |_| {})).await.unwrap();
    assert_eq!(cluster.url(DATABASE), url);
    assert_eq!(row(&url).await, 42);
    cluster.stop().await.unwrap();

    let refused = Cluster::start(Options::throw_away(&folder.0)).await.unwrap_err();
    assert!(matches!(refused, Error::NotEmpty(_)), "{refused}");
}

#[tokio::test]
async fn a_second_start_uses_the_running_cluster_and_leaves_it_running() {
    let folder = Folder::new(0o755);
    let (first, second) = tokio::join!(
        Cluster::start(Options::throw_away(folder.join("x"))),
        Cluster::start(Options::throw_away(folder.join("x")))
    );
    let (first, second) = (first.unwrap(), second.unwrap());
    assert_ne!(first.is_owned(), second.is_owned());
    let (owner, mut guest) = if first.is_owned() { (first, second) } else { (second, first) };
    assert_eq!(owner.url(DATABASE), guest.url(DATABASE));
    assert_eq!(owner.version(), guest.version());
    assert_eq!(find_running(&folder.join("x")).await, Some(owner.url(DATABASE)));
    assert!(matches!(guest.crash_restart().await, Err(Error::NotOwned)));
    guest.stop().await.unwrap();
    assert_eq!(run(&owner.url(DATABASE), "select 1").await.unwrap(), 1);
    owner.stop().await.unwrap();
}

#[tokio::test]
async fn a_crash_loses_nothing_that_was_committed() {
    let folder = Folder::new(0o755);
    let mut cluster = Cluster::start(Options::throw_away(folder.join("x")).durable()).await.unwrap();
    let url = cluster.url(DATABASE);
    write_row(&url).await;
    let before = pid(cluster.data_dir());
    cluster.crash_restart().await.unwrap();
    assert_ne!(pid(cluster.data_dir()), before);
    assert_eq!(row(&url).await, 42);
    cluster.stop().await.unwrap();
}

#[tokio::test]
async fn a_server_that_was_killed_starts_again() {
    let folder = Folder::new(0o755);
    let cluster = Cluster::start(Options::keep(&folder.0, |_| {})).await.unwrap();
    write_row(&cluster.url(DATABASE)).await;
    kill(pid(cluster.data_dir()), Signal::SIGKILL).unwrap();
    drop(cluster);

    // And its number has gone to another process of the same user.
    let file = folder.join("postgres/data/postmaster.pid");
    let text = std::fs::read_to_string(&file).unwrap();
    let (_, rest) = text.split_once('\n').unwrap();
    let account = Account::for_place(&folder.join("postgres")).unwrap();
    let mut other = account.command("sleep").arg("60").spawn().unwrap();
    std::fs::write(&file, format!("{}\n{rest}", other.id())).unwrap();

    let cluster = Cluster::start(Options::keep(&folder.0, |_| {})).await.unwrap();
    assert_eq!(row(&cluster.url(DATABASE)).await, 42);
    cluster.stop().await.unwrap();
    other.kill().unwrap();
    other.wait().unwrap();
}

#[tokio::test]
async fn the_program_killed_leaves_no_postgres_and_no_loss() {
    let folder = Folder::new(0o755);
    let (mut child, url) = child_with_cluster(&folder.0, "kept");
    write_row(&url).await;
    let postgres = pid(&folder.join("postgres"));
    child.kill().unwrap();
    child.wait().unwrap();

    // At once, while the keeper still stops the server.
    let cluster = Cluster::start(Options::keep(&folder.0, |_| {})).await.unwrap();
    assert!(cluster.is_owned());
    assert!(gone(postgres).await);
    assert_eq!(row(&cluster.url(DATABASE)).await, 42);
    cluster.stop().await.unwrap();
}

#[tokio::test]
async fn the_program_killed_leaves_nothing_of_a_throw_away_cluster() {
    // The keeper deletes as the user who runs Postgres, who must be allowed to.
    let folder = Folder::new(0o777);
    let (mut child, _) = child_with_cluster(&folder.join("x"), "throw_away");
    let postgres = pid(&folder.join("x"));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(gone(postgres).await);
    let begun = Instant::now();
    while folder.join("x").exists() {
        assert!(begun.elapsed() < Duration::from_secs(10));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Runs this test binary again, as a program that starts a cluster and then sits there.
fn child_with_cluster(folder: &Path, kind: &str) -> (std::process::Child, String) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "embedded_postgres::tests::child", "--nocapture"])
        .env("SWITCHHOOK_TEST_CLUSTER", format!("{kind}:{}", folder.display()))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let url = lines.map(Result::unwrap).find(|line| line.starts_with("postgres://"));
    (child, url.expect("the child says where its cluster is"))
}

#[tokio::test]
async fn child() {
    let Some(order) = std::env::var_os("SWITCHHOOK_TEST_CLUSTER") else { return };
    let order = order.into_string().unwrap();
    let options = match order.split_once(':').unwrap() {
        ("kept", folder) => Options::keep(folder, |_| {}),
        (_, folder) => Options::throw_away(folder),
    };
    let cluster = Cluster::start(options).await.unwrap();
    println!("\n{}", cluster.url(DATABASE));
    tokio::time::sleep(Duration::from_secs(60)).await;
}

#[tokio::test]
async fn where_postgres_cannot_enter_the_data_lie_elsewhere() {
    if !geteuid().is_root() {
        return;
    }
    let folder = Folder::new(0o700);
    let said = Arc::new(Mutex::new(Vec::new()));
    let options = Options::throw_away(folder.join("x")).announce({
        let said = Arc::clone(&said);
        move |line| said.lock().unwrap().push(line.to_owned())
    });
    let cluster = Cluster::start(options).await.unwrap();
    let place = cluster.data_dir().to_owned();
    assert!(!place.starts_with(&folder.0));
    assert!(said.lock().unwrap()[0].ends_with(&format!("the data lie in {}", place.display())));
    assert_eq!(find_running(&folder.join("x")).await, Some(cluster.url(DATABASE)));
    cluster.stop().await.unwrap();
    assert!(!place.exists() && !folder.join("x").exists());
}

#[tokio::test]
async fn a_long_path_has_its_socket_elsewhere() {
    let folder = Folder::new(0o755);
    let cluster = Cluster::start(Options::throw_away(folder.join(&"long".repeat(30)))).await.unwrap();
    let socket_dir = cluster.socket_dir().to_owned();
    assert!(socket_dir.starts_with("/tmp") && socket_dir.is_dir());
    cluster.stop().await.unwrap();
    assert!(!socket_dir.exists());
}

#[tokio::test]
async fn a_refused_setting_shows_what_postgres_said() {
    let folder = Folder::new(0o755);
    let options = Options::throw_away(folder.join("x")).setting("work_mem", "a lot");
    let error = Cluster::start(options).await.unwrap_err().to_string();
    assert!(error.contains("ended instead of starting") && error.contains("work_mem"), "{error}");
}

#[tokio::test]
async fn data_of_another_version_are_left_alone() {
    let folder = Folder::new(0o755);
    let cluster = Cluster::start(Options::keep(&folder.0, |_| {})).await.unwrap();
    cluster.stop().await.unwrap();
    let file = folder.join("postgres/data/PG_VERSION");
    std::fs::write(&file, "13\n").unwrap();
    let error = Cluster::start(Options::keep(&folder.0, |_| {})).await.unwrap_err().to_string();
    assert!(error.contains("written by Postgres 13") && error.contains("knows 14 to 18 only"), "{error}");
}

#[tokio::test]
#[ignore = "a measurement"]
async fn starts_are_quick() {
    let folder = Folder::new(0o755);
    for (kind, options) in [
        ("throw-away, made", Options::throw_away(folder.join("x"))),
        ("kept, made", Options::keep(&folder.0, |_| {})),
        ("kept, again", Options::keep(&folder.0, |_| {})),
    ] {
        let begun = Instant::now();
        let cluster = Cluster::start(options).await.unwrap();
        let (started, begun) = (begun.elapsed(), Instant::now());
        cluster.stop().await.unwrap();
        println!("{kind}: started in {started:?}, stopped in {:?}", begun.elapsed());
    }
    let mut cluster = Cluster::start(Options::keep(&folder.0, |_| {})).await.unwrap();
    let begun = Instant::now();
    cluster.crash_restart().await.unwrap();
    println!("crash and restart: {:?}", begun.elapsed());
    let begun = Instant::now();
    find_running(&folder.0).await.unwrap();
    println!("find: {:?}", begun.elapsed());
    cluster.stop().await.unwrap();
}

#[tokio::test]
#[ignore = "asks the network"]
async fn where_there_is_no_postgres_and_no_network_one_is_told_soon() {
    let folder = Folder::new(0o755);
    let begun = Instant::now();
    let options = Options::keep(&folder.0, |_| {}).path(None).cache_dir(folder.join("cache"));
    let reason = download::fetch(&options, 17).await.unwrap_err();
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    println!("{:?} {}", begun.elapsed(), Error::NoBinaries { fetching: reason });
}

#[test]
fn versions_are_read() {
    assert_eq!(binaries::major("postgres (PostgreSQL) 15.13 (Debian 15.13-0+deb12u1)\n"), Some(15));
    assert_eq!(binaries::major("postgres (PostgreSQL) 18beta1\n"), Some(18));
    assert_eq!(binaries::major("something else"), None);
    let path: OsString = "/nowhere".into();
    assert!(!binaries::candidates(Some(&path), Path::new("/nowhere")).contains(&PathBuf::from("/nowhere")));
}
