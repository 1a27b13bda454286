//! Where a cluster lies, and whose it is. Inside the place: `data/` (PGDATA), `run/` (the socket), `postgres.log`,
//! `password`, `port`, two locks. All of it belongs to the user who runs Postgres, so root opens nothing there that could
//! be a symbolic link, and writes only by making a new file and renaming it.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;
use sha2::{Digest as _, Sha256};

use super::account::Account;
use super::{Error, Options};

/// In the data folder of the options: says where the place is when it could not be there.
const ELSEWHERE: &str = "postgres.elsewhere";

/// In a place whose contents nobody will miss, from its first moment.
const THROW_AWAY: &str = "throw-away";

/// A socket's path must fit into 104 bytes on macOS, 108 on Linux, `/.s.PGSQL.65535` included.
const SOCKET_DIR_BYTES_MAX: usize = 85;

/// A log larger than this is put aside at the next start.
const LOG_BYTES_MAX: u64 = 10 << 20;

/// How much of the end of the log an error shows.
const LOG_TAIL: (u64, usize) = (4096, 8);

/// The folder of one cluster.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub root: PathBuf,
    pub socket_dir: PathBuf,
    pub account: Account,
}

/// The two locks. The program's goes when the program goes; the keeper's goes when Postgres has stopped as well.
#[derive(Debug)]
pub(super) struct Locks {
    _program: File,
    pub keeper: File,
}

/// Who has the place.
#[derive(Debug)]
pub(super) enum Claim {
    /// We have, from now on.
    Ours(Locks),
    /// Another program that is alive.
    Theirs,
    /// The keeper of a program that is gone; it is stopping Postgres.
    Stopping,
}

impl Place {
    /// The place that these options ask for, made if need be: in their folder, or, where the user who runs Postgres cannot
    /// get there, in another; then the program says so.
    pub fn settle(options: &Options) -> Result<Self, Error> {
        let folder = std::path::absolute(&options.data_dir).map_err(Error::io("find the current folder"))?;
        let home = found(&folder).unwrap_or_else(|| home(&folder, options.keep));
        if !options.keep && !home.join(THROW_AWAY).exists() && home.exists() && !is_empty(&home) {
            return Err(Error::NotEmpty(home));
        }
        match Self::make(&home) {
            Ok(place) if place.account.can_use(&home) => return place.complete(options, &folder),
            // To begin afresh in another folder would look like a loss.
            Ok(place) if place.data().exists() => return Err(unusable(&place, &home)),
            Ok(_) => drop(fs::remove_dir(&home)),
            Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::ReadOnlyFilesystem => {}
            Err(error) => return Err(error),
        }
        for root in fallbacks(&folder, options.keep) {
            let Ok(place) = Self::make(&root) else { continue };
            if !place.account.can_use(&root) {
                continue;
            }
            let point = || {
                fs::create_dir_all(&folder)
                    .and_then(|()| fs::write(folder.join(ELSEWHERE), root.as_os_str().as_encoded_bytes()))
            };
            point().map_err(Error::io(format!("write into {}", folder.display())))?;
            return place.complete(options, &folder);
        }
        Err(unusable(&Self::at(home)?, &folder))
    }

    /// The place that belongs to a data folder, if there is one.
    pub fn find(data_dir: &Path) -> Option<Self> {
        let folder = std::path::absolute(data_dir).ok()?;
        let root = found(&folder).unwrap_or_else(|| home(&folder, !folder.join(THROW_AWAY).exists()));
        root.join("data").is_dir().then(|| Self::at(root).ok())?
    }

    /// PGDATA.
    pub fn data(&self) -> PathBuf {
        self.root.join("data")
    }

    /// Where `initdb` works; it becomes `data` in one step, so that half a cluster is never taken for one.
    pub fn unfinished(&self) -> PathBuf {
        self.root.join("data.new")
    }

    /// That step.
    pub fn finish(&self) -> io::Result<()> {
        fs::rename(self.unfinished(), self.data())?;
        File::open(&self.root)?.sync_all()
    }

    /// What Postgres, and initdb before it, have to say.
    pub fn log(&self) -> PathBuf {
        self.root.join("postgres.log")
    }

    /// The major version that wrote the data, if there are any.
    pub fn data_version(&self) -> Option<u32> {
        fs::read_to_string(self.data().join("PG_VERSION")).ok()?.trim().parse().ok()
    }

    /// Tries to become the owner.
    pub fn claim(&self) -> Result<Claim, Error> {
        let Some(program) = self.lock("program.lock")? else { return Ok(Claim::Theirs) };
        match self.lock("keeper.lock")? {
            Some(keeper) => Ok(Claim::Ours(Locks { _program: program, keeper })),
            None => Ok(Claim::Stopping),
        }
    }

    /// Clears what an earlier cluster left: half a one, or one that was to be thrown away.
    pub fn clear(&self, keep: bool) -> Result<(), Error> {
        let leftovers = if keep { vec![self.unfinished()] } else { vec![self.unfinished(), self.data()] };
        let mut there = leftovers.iter().filter(|folder| folder.exists());
        there.try_for_each(fs::remove_dir_all).map_err(Error::io(format!("clear {}", self.root.display())))
    }

    /// Deletes everything, and the data folder of the options too if it is empty then.
    pub fn delete(&self, data_dir: &Path) -> Result<(), Error> {
        for folder in [&self.root, &self.socket_dir] {
            match fs::remove_dir_all(folder) {
                Err(source) if source.kind() != io::ErrorKind::NotFound => {
                    return Err(Error::Io { doing: format!("delete {}", folder.display()), source });
                }
                _ => {}
            }
        }
        drop(fs::remove_file(data_dir.join(ELSEWHERE)));
        drop(fs::remove_dir(data_dir));
        Ok(())
    }

    /// A small file of the place, without the line's end; nothing where there is none.
    pub fn read(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.root.join(name)).ok().map(|text| text.trim_end().to_owned())
    }

    /// Writes a small file that only its owner reads, whole or not at all.
    pub fn write(&self, name: &str, text: &str) -> Result<(), Error> {
        let path = self.root.join(name);
        let new = self.root.join(format!("{name}.new"));
        let write = || {
            drop(fs::remove_file(&new));
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
            self.give(&file)?;
            writeln!(file, "{text}")?;
            file.sync_all()?;
            fs::rename(&new, &path)
        };
        write().map_err(Error::io(format!("write {}", path.display())))
    }

    /// Opens the log to add to it; a large one is put aside first.
    pub fn open_log(&self) -> Result<File, Error> {
        let path = self.log();
        if fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.len() > LOG_BYTES_MAX) {
            drop(fs::rename(&path, self.root.join("postgres.log.1")));
        }
        self.open("postgres.log", OpenOptions::new().append(true))
    }

    /// How long the log is by now.
    pub fn log_len(&self) -> u64 {
        fs::metadata(self.log()).map_or(0, |metadata| metadata.len())
    }

    /// The last lines of the log, from this byte on.
    pub fn log_tail(&self, from: u64) -> String {
        let read = || {
            let mut file = File::open(self.log())?;
            let end = file.metadata()?.len();
            file.seek(SeekFrom::Start(from.max(end.saturating_sub(LOG_TAIL.0)).min(end)))?;
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes)?;
            io::Result::Ok(String::from_utf8_lossy(&bytes).into_owned())
        };
        let text = read().unwrap_or_default();
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        let shown = lines.get(lines.len().saturating_sub(LOG_TAIL.1)..).unwrap_or_default();
        if shown.is_empty() { "  (nothing in the log)".to_owned() } else { format!("  {}", shown.join("\n  ")) }
    }

    fn make(root: &Path) -> Result<Self, Error> {
        let place = Self::at(root.to_owned())?;
        if let Some(parent) = root.parent() {
            fs::create_dir_all(parent).map_err(Error::io(format!("create {}", parent.display())))?;
        }
        place.make_private(root)?;
        Ok(place)
    }

    fn complete(self, options: &Options, folder: &Path) -> Result<Self, Error> {
        if !self.root.starts_with(folder) {
            let (user, folder) = (self.account.name(), folder.display());
            options.say(&format!(
                "Postgres runs as {user}, who cannot use {folder}; the data lie in {}",
                self.root.display()
            ));
        }
        // First of all, so that whoever comes at the same time knows whose the other files are.
        if !options.keep {
            self.open(THROW_AWAY, OpenOptions::new().append(true))?;
        }
        self.make_private(&self.socket_dir)?;
        Ok(self)
    }

    fn at(root: PathBuf) -> Result<Self, Error> {
        let account = Account::for_place(&root)?;
        let mut socket_dir = root.join("run");
        if socket_dir.as_os_str().len() > SOCKET_DIR_BYTES_MAX {
            socket_dir = PathBuf::from("/tmp").join(format!("switchhook-{}", digest(&socket_dir)));
        }
        Ok(Self { root, socket_dir, account })
    }

    /// A folder for the account alone. One that is there already must be just that: names under /tmp can be guessed.
    fn make_private(&self, folder: &Path) -> Result<(), Error> {
        match DirBuilder::new().mode(0o700).create(folder) {
            Err(source) if source.kind() != io::ErrorKind::AlreadyExists => {
                return Err(Error::Io { doing: format!("create {}", folder.display()), source });
            }
            _ => {}
        }
        let opened = || {
            let flags = OFlag::O_NOFOLLOW | OFlag::O_DIRECTORY;
            let file = OpenOptions::new().read(true).custom_flags(flags.bits()).open(folder)?;
            let metadata = file.metadata()?;
            io::Result::Ok((file, metadata))
        };
        let (file, metadata) = opened().map_err(Error::io(format!("open {}", folder.display())))?;
        let unclaimed = self.account.dropped && metadata.uid() == 0 && is_empty(folder);
        if metadata.uid() != self.account.uid && !unclaimed {
            return Err(Error::NotOurs { folder: folder.to_owned(), owner: metadata.uid() });
        }
        let give = self.give(&file).and_then(|()| file.set_permissions(Permissions::from_mode(0o700)));
        give.map_err(Error::io(format!("make {} private", folder.display())))
    }

    /// A lock that is ours, or nothing if another has it. The file may have been deleted while we waited for it, with
    /// the rest of a throw-away cluster; a lock on a deleted file keeps nobody out.
    fn lock(&self, name: &str) -> Result<Option<File>, Error> {
        let path = self.root.join(name);
        let file = self.open(name, OpenOptions::new().read(true).write(true))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(source)) => {
                return Err(Error::Io { doing: format!("lock {}", path.display()), source });
            }
        }
        let ours = file.metadata().map(|metadata| metadata.ino()).ok();
        let there = fs::symlink_metadata(&path).map(|metadata| metadata.ino()).ok();
        Ok((ours == there).then_some(file))
    }

    /// Opens a file, made if need be. Only one that we made is given away: another could be a link to anything.
    fn open(&self, name: &str, how: &mut OpenOptions) -> Result<File, Error> {
        let path = self.root.join(name);
        how.mode(0o600).custom_flags(OFlag::O_NOFOLLOW.bits());
        let open = match how.clone().create_new(true).open(&path) {
            Ok(file) => self.give(&file).map(|()| file),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => how.open(&path),
            Err(error) => Err(error),
        };
        open.map_err(Error::io(format!("open {}", path.display())))
    }

    fn give(&self, file: &File) -> io::Result<()> {
        match self.account.dropped {
            true => fchown(file, Some(self.account.uid), Some(self.account.gid)),
            false => Ok(()),
        }
    }
}

fn unusable(place: &Place, folder: &Path) -> Error {
    let source = io::Error::from(io::ErrorKind::PermissionDenied);
    Error::Io { doing: format!("enter {} as {}, who runs Postgres", folder.display(), place.account.name()), source }
}

fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none())
}

/// Where the pointer in a data folder says that the place is.
fn found(folder: &Path) -> Option<PathBuf> {
    let pointer = folder.join(ELSEWHERE);
    let root = PathBuf::from(fs::read_to_string(&pointer).ok()?.trim_end());
    if !root.is_dir() {
        // What was there is gone; the folder may be used again.
        drop(fs::remove_file(pointer));
        return None;
    }
    Some(root)
}

/// Where the place should be. What is thrown away has the whole folder, so that it goes without a trace.
fn home(folder: &Path, keep: bool) -> PathBuf {
    if keep { folder.join("postgres") } else { folder.to_owned() }
}

/// Where else the data may lie: what is to be kept, where it outlives a restart of the machine.
fn fallbacks(folder: &Path, keep: bool) -> Vec<PathBuf> {
    let name = digest(folder);
    let temporary = std::env::temp_dir().join(format!("switchhook-{name}"));
    match keep {
        true => {
            vec![Path::new("/var/lib/switchhook").join(&name), Path::new("/var/tmp").join(format!("switchhook-{name}"))]
        }
        false => vec![temporary],
    }
}

/// A short name for a path.
fn digest(path: &Path) -> String {
    Sha256::digest(path.as_os_str().as_encoded_bytes()).iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}
