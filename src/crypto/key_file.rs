//! Where the master keys come from: the environment, else a file, else, for a private database, a file that is made.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{KeyError, MasterKeys, new_master_key};
use crate::redact::Secret;

/// The variable that holds the master keys.
pub const VARIABLE: &str = "SWITCHHOOK_MASTER_KEY";
/// Largest key file that is read: some thousand keys.
const FILE_BYTES_MAX: u64 = 1 << 16;
/// What a new key file says.
const HEAD: &str = "# Master keys of Switchhook, the newest first. The first seals secrets, all of them open what is sealed.\n\
                    # Keep a copy apart from the database: without it nobody can read the secrets there.\n";

/// `[secrets]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The file with the master keys. Empty: none.
    pub key_file: PathBuf,
    /// `SWITCHHOOK_MASTER_KEY`, which counts over the file.
    #[serde(skip)]
    pub master_key: Secret,
}

impl Settings {
    /// The master keys that are configured; `None`: none are.
    pub fn master_keys(&self) -> Result<Option<MasterKeys>, KeyError> {
        if !self.master_key.expose().is_empty() {
            return MasterKeys::parse(VARIABLE, &self.master_key).map(Some);
        }
        if self.key_file.as_os_str().is_empty() {
            return Ok(None);
        }
        read(&self.key_file).map(Some)
    }
}

/// The keys of a file, which must be for its owner's eyes only.
pub(super) fn read(path: &Path) -> Result<MasterKeys, KeyError> {
    let failed = |error: io::Error| failed(path, "read", &error);
    let file = File::open(path).map_err(failed)?;
    let mode = file.metadata().map_err(failed)?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(KeyError::Open { path: path.display().to_string(), mode });
    }
    let mut text = String::new();
    file.take(FILE_BYTES_MAX).read_to_string(&mut text).map_err(failed)?;
    MasterKeys::parse(&path.display().to_string(), &Secret::new(text))
}

impl MasterKeys {
    /// The keys of this file, if it is there.
    pub fn read_if_there(path: &Path) -> Result<Option<Self>, KeyError> {
        match read(path) {
            Err(KeyError::File { kind: io::ErrorKind::NotFound, .. }) => Ok(None),
            result => result.map(Some),
        }
    }

    /// Makes the file with a fresh key, unless another process was faster, and reads it.
    pub fn make(path: &Path) -> Result<Self, KeyError> {
        let failed = |error: io::Error| failed(path, "made", &error);
        let folder = path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder).map_err(failed)?;
        let draft = path.with_extension(format!("new-{:016x}", rand::random::<u64>()));
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft).map_err(failed)?;
        let written = file
            .write_all(format!("{HEAD}{}\n", new_master_key().expose()).as_bytes())
            .and_then(|()| file.sync_all())
            // A link appears whole or not at all, and never takes the place of another's.
            .and_then(|()| match fs::hard_link(&draft, path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
                result => result,
            })
            .and_then(|()| File::open(folder)?.sync_all());
        fs::remove_file(&draft).ok();
        written.map_err(failed)?;
        read(path)
    }
}

fn failed(path: &Path, deed: &'static str, error: &io::Error) -> KeyError {
    KeyError::File { path: path.display().to_string(), deed, kind: error.kind() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_made_once_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/master.key");
        assert!(MasterKeys::read_if_there(&path).unwrap().is_none());
        let made: Vec<String> = MasterKeys::make(&path).unwrap().ids().map(str::to_owned).collect();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(MasterKeys::make(&path).unwrap().ids().collect::<Vec<_>>(), made);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "no draft is left");
    }

    #[test]
    fn a_file_that_others_may_read_is_refused_with_the_mend() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        MasterKeys::make(&path).unwrap();
        for mode in [0o640, 0o604, 0o620] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let error = read(&path).unwrap_err().to_string();
            assert!(error.contains(&format!("chmod 600 {}", path.display())), "{error}");
        }
    }

    #[test]
    fn the_environment_counts_over_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        let file = MasterKeys::make(&path).unwrap();
        let mut settings = Settings { key_file: path, master_key: Secret::default() };
        let ids = |keys: &MasterKeys| keys.ids().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(ids(&settings.master_keys().unwrap().unwrap()), ids(&file));
        settings.master_key = new_master_key();
        assert_ne!(ids(&settings.master_keys().unwrap().unwrap()), ids(&file));
        assert!(Settings::default().master_keys().unwrap().is_none());
    }
}
