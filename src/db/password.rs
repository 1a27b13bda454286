//! Where the password of the database comes from, if not from the URL: a file or a command, read anew whenever connections
//! are made, so that a password that was changed (a rotated secret, a token of the cloud that ends in minutes) needs no
//! restart.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;

use crate::crypto;
use crate::redact::Secret;

/// The longest password: tokens of clouds have some kilobytes.
const BYTES_MAX: u64 = 64 * 1024;

/// Where it comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum PasswordSource {
    /// The URL has it, or nobody needs one.
    #[default]
    None,
    /// What stands in this file.
    File(PathBuf),
    /// What this command prints: the program and its arguments, without a shell.
    Command(Vec<String>),
}

/// Why there is no password. No word of the file's content, of the arguments or of what the command printed: they may be
/// secrets.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the texts say what each is")]
pub enum PasswordError {
    #[error("database.password_file: {path} cannot be read ({kind})")]
    File { path: PathBuf, kind: io::ErrorKind },
    #[error("database.password_command: {program} cannot be run ({kind})")]
    Command { program: String, kind: io::ErrorKind },
    #[error("database.password_command: {program} failed ({status})")]
    Failed { program: String, status: ExitStatus },
    #[error("{from}: no password within {} ms", within.as_millis())]
    Late { from: &'static str, within: Duration },
    #[error("{from}: {what}")]
    Unfit { from: &'static str, what: &'static str },
}

impl PasswordSource {
    /// What the two settings mean; empty ones mean nothing.
    pub fn of(file: &Path, command: &[String]) -> Result<Self, &'static str> {
        let has_file = !file.as_os_str().is_empty();
        match command.first() {
            Some(_) if has_file => Err("one of database.password_file and database.password_command, not both"),
            Some(program) if program.trim().is_empty() => Err("database.password_command begins with no program"),
            Some(_) => Ok(Self::Command(command.to_vec())),
            None if has_file => Ok(Self::File(file.to_owned())),
            None => Ok(Self::None),
        }
    }

    /// Reads it, within this time. `None`: the URL's password counts. Spaces and line ends around it are no part of it.
    pub async fn read(&self, within: Duration) -> Result<Option<Secret>, PasswordError> {
        let from = self.setting();
        let text = match tokio::time::timeout(within, self.bytes()).await {
            Err(_) => return Err(PasswordError::Late { from, within }),
            Ok(bytes) => match bytes? {
                None => return Ok(None),
                Some(bytes) => String::from_utf8(bytes),
            },
        };
        let unfit = |what| Err(PasswordError::Unfit { from, what });
        let Ok(text) = text else { return unfit("the password is not UTF-8") };
        match text.trim() {
            _ if text.len() as u64 > BYTES_MAX => unfit("longer than any password"),
            "" => unfit("it is empty"),
            password if password.contains(['\n', '\r', '\0']) => {
                unfit("several lines, where the password alone belongs")
            }
            password => Ok(Some(Secret::new(password))),
        }
    }

    fn setting(&self) -> &'static str {
        match self {
            Self::None => "database.url",
            Self::File(_) => "database.password_file",
            Self::Command(_) => "database.password_command",
        }
    }

    async fn bytes(&self) -> Result<Option<Vec<u8>>, PasswordError> {
        match self {
            Self::None => Ok(None),
            Self::File(path) => {
                let wrong = |error: io::Error| PasswordError::File { path: path.clone(), kind: error.kind() };
                let file = tokio::fs::File::open(path).await.map_err(wrong)?;
                bounded(file).await.map(Some).map_err(wrong)
            }
            Self::Command(words) => run(words).await.map(Some),
        }
    }
}

async fn run(words: &[String]) -> Result<Vec<u8>, PasswordError> {
    let (program, arguments) = words.split_first().map_or(("", words), |(program, rest)| (program.as_str(), rest));
    let wrong = |error: io::Error| PasswordError::Command { program: program.to_owned(), kind: error.kind() };
    let mut child = Command::new(program)
        .args(arguments)
        // It has no business with what opens the secrets.
        .env_remove(crypto::VARIABLE)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        // When it is late, it is ended.
        .kill_on_drop(true)
        .spawn()
        .map_err(wrong)?;
    let printed = match child.stdout.take() {
        Some(stdout) => bounded(stdout).await.map_err(wrong)?,
        None => Vec::new(),
    };
    if printed.len() as u64 > BYTES_MAX {
        return Ok(printed);
    }
    let status = child.wait().await.map_err(wrong)?;
    match status.success() {
        true => Ok(printed),
        false => Err(PasswordError::Failed { program: program.to_owned(), status }),
    }
}

/// One byte more than may be, so that what is cut is not taken for whole.
async fn bounded(reader: impl AsyncRead + Unpin) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(BYTES_MAX + 1).read_to_end(&mut bytes).await?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    fn shell(script: &str) -> PasswordSource {
        PasswordSource::Command(["sh", "-c", script].map(str::to_owned).to_vec())
    }

    async fn read(source: &PasswordSource) -> String {
        source.read(PATIENCE).await.unwrap().unwrap().expose().to_owned()
    }

    async fn error(source: &PasswordSource) -> String {
        let error = source.read(PATIENCE).await.unwrap_err();
        assert!(!format!("{error:?} {error}").contains("s3cret"), "{error:?}");
        error.to_string()
    }

    #[tokio::test]
    async fn a_file_is_read_each_time_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        let source = PasswordSource::of(&path, &[]).unwrap();
        assert!(error(&source).await.ends_with("password cannot be read (entity not found)"));
        std::fs::write(&path, " s3cret one\r\n").unwrap();
        assert_eq!(read(&source).await, "s3cret one");
        std::fs::write(&path, "s3cret-two").unwrap();
        assert_eq!(read(&source).await, "s3cret-two");
        for (text, said) in [
            (&b"\n"[..], "it is empty"),
            (b"s3cret\ns3cret", "several lines, where the password alone belongs"),
            (b"s3cret\xff", "the password is not UTF-8"),
            (&[b'x'; 64 * 1024 + 1], "longer than any password"),
        ] {
            std::fs::write(&path, text).unwrap();
            assert_eq!(error(&source).await, format!("database.password_file: {said}"));
        }
    }

    #[tokio::test]
    async fn a_command_prints_it_within_its_time() {
        assert_eq!(read(&shell("echo s3cret")).await, "s3cret");
        let failed = error(&shell("echo s3cret; echo s3cret >&2; exit 3")).await;
        assert_eq!(failed, "database.password_command: sh failed (exit status: 3)");
        assert_eq!(error(&shell("true")).await, "database.password_command: it is empty");
        let nowhere = PasswordSource::Command(vec!["no-such-program-here".to_owned(), "s3cret".to_owned()]);
        assert!(error(&nowhere).await.ends_with("no-such-program-here cannot be run (entity not found)"));
        let began = std::time::Instant::now();
        let late = shell("exec sleep 30").read(Duration::from_millis(200)).await.unwrap_err();
        assert_eq!(late.to_string(), "database.password_command: no password within 200 ms");
        assert!(began.elapsed() < Duration::from_secs(10));
        assert_eq!(
            error(&shell("exec head -c 100000 /dev/zero")).await,
            "database.password_command: longer than any password"
        );
    }

    #[tokio::test]
    async fn the_settings_name_one_source_or_none() {
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(PasswordSource::of(Path::new(""), &[]), Ok(PasswordSource::None));
        assert!(PasswordSource::None.read(PATIENCE).await.unwrap().is_none());
        assert_eq!(
            PasswordSource::of(Path::new(""), &words("aws rds token")),
            Ok(PasswordSource::Command(words("aws rds token")))
        );
        assert!(PasswordSource::of(Path::new("/run/password"), &words("aws")).is_err());
        assert!(PasswordSource::of(Path::new(""), &[" ".to_owned()]).is_err());
    }
}
