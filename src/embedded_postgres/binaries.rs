//! Finds the Postgres of this machine.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::account::Account;
use super::{Error, Options, download};

/// The major versions that we are tested with.
pub(super) const MAJORS: std::ops::RangeInclusive<u32> = 14..=18;

/// Where packages put several versions side by side: the folder, how a version's folder begins, and where the programs
/// are inside it.
const INSTALLED: [(&str, &str, &str); 7] = [
    ("/usr/lib/postgresql", "", "bin"),                          // Debian, Ubuntu
    ("/usr", "pgsql-", "bin"),                                   // Red Hat, from postgresql.org
    ("/usr/libexec", "postgresql", ""),                          // Alpine
    ("/opt/homebrew/opt", "postgresql@", "bin"),                 // Homebrew on Apple silicon
    ("/usr/local/opt", "postgresql@", "bin"),                    // Homebrew on Intel
    ("/home/linuxbrew/.linuxbrew/opt", "postgresql@", "bin"),    // Homebrew on Linux
    ("/Applications/Postgres.app/Contents/Versions", "", "bin"), // Postgres.app
];

/// The programs of one Postgres.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Binaries {
    pub folder: PathBuf,
    pub major: u32,
}

impl Binaries {
    /// One of its programs.
    pub fn program(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The programs of this folder, if they are complete, of a version that we know, and this user may run them.
    fn at(folder: &Path, account: &Account) -> Option<Self> {
        if !folder.join("initdb").exists() {
            return None;
        }
        let text = output(account.command(folder.join("postgres")).arg("--version"))?;
        let major = major(&text).filter(|major| MAJORS.contains(major))?;
        Some(Self { folder: folder.to_owned(), major })
    }
}

/// The Postgres to use: of the version that wrote the data, if there are any; else the one in the path, else the newest;
/// where there is none, it is fetched.
pub(super) async fn find(
    options: &Options,
    account: &Account,
    data: &Path,
    needed: Option<u32>,
) -> Result<Binaries, Error> {
    let mut others = Vec::new();
    for folder in candidates(options.path.as_deref(), &options.cache_dir) {
        match Binaries::at(&folder, account) {
            Some(found) if needed.is_none_or(|major| found.major == major) => return Ok(found),
            Some(other) => others.push(other.major),
            None => {}
        }
    }
    let fetching = match needed.filter(|major| !MAJORS.contains(major)) {
        Some(_) => "switchhook knows 14 to 18 only".to_owned(),
        None => match download::fetch(options, needed.unwrap_or(*MAJORS.end())).await {
            Ok(folder) => match Binaries::at(&folder, account) {
                Some(found) => return Ok(found),
                None => format!("the one that was fetched into {} does not run here", folder.display()),
            },
            Err(reason) => reason,
        },
    };
    match needed {
        None => Err(Error::NoBinaries { fetching }),
        Some(major) => Err(Error::OtherVersion { data: data.to_owned(), major, found: list(others), fetching }),
    }
}

/// Every folder that may hold the programs, in order of preference.
pub(super) fn candidates(path: Option<&OsStr>, cache_dir: &Path) -> Vec<PathBuf> {
    let mut folders = Vec::new();
    for folder in path.map(std::env::split_paths).into_iter().flatten() {
        // A name in the path is often a link into the folder where the other programs are.
        folders.extend(fs::canonicalize(folder.join("postgres")).ok().and_then(|file| Some(file.parent()?.to_owned())));
        if folder.join("pg_config").exists()
            && let Some(text) = output(Command::new(folder.join("pg_config")).arg("--bindir"))
        {
            folders.push(PathBuf::from(text.trim_end()));
        }
    }
    let mut installed: Vec<(u32, PathBuf)> =
        INSTALLED.iter().flat_map(|(base, prefix, inside)| versions(Path::new(base), prefix, inside)).collect();
    installed.extend(versions(cache_dir, download::FOLDER_PREFIX, "bin"));
    installed.sort_by_key(|(major, _)| std::cmp::Reverse(*major));
    for (_, folder) in installed {
        if !folders.contains(&folder) {
            folders.push(folder);
        }
    }
    folders
}

/// The folders `<base>/<prefix><major>…/<inside>`.
fn versions(base: &Path, prefix: &str, inside: &str) -> Vec<(u32, PathBuf)> {
    let entries = fs::read_dir(base).into_iter().flatten().flatten();
    let versioned = entries.filter_map(|entry| {
        let major = digits(entry.file_name().to_str()?.strip_prefix(prefix)?)?;
        Some((major, entry.path().join(inside)))
    });
    versioned.collect()
}

/// `postgres (PostgreSQL) 15.13 (Debian 15.13-0+deb12u1)`: 15.
pub(super) fn major(text: &str) -> Option<u32> {
    digits(text.split_once("(PostgreSQL) ")?.1)
}

fn digits(text: &str) -> Option<u32> {
    let end = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    text.get(..end)?.parse().ok()
}

fn list(mut majors: Vec<u32>) -> String {
    majors.sort_unstable();
    majors.dedup();
    let words: Vec<String> = majors.iter().map(u32::to_string).collect();
    if words.is_empty() { "none".to_owned() } else { format!("only {}", words.join(", ")) }
}

fn output(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}
