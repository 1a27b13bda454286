//! The keys of every database here, so that a benchmark knows the ids that the program will make.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use switchhook::crypto::{DIGEST_KEY, DigestKey, Keys, MasterKeys};
use switchhook::redact::Secret;

/// What the program seals secrets under.
pub const MASTER_KEY: &str = "5a0f3c1d7be2948671c0ffee2b4d6e8f90a1b2c3d4e5f60718293a4b5c6d7e8f";
/// What it makes ids with.
const DIGESTS: [u8; 32] = *b"a key of ids, for the benchmarks";

/// The master key.
pub fn keys() -> anyhow::Result<Keys> {
    Ok(Keys::new(MasterKeys::parse("the benchmark's key", &Secret::new(MASTER_KEY))?))
}

/// The key of ids.
pub fn digest_key() -> DigestKey {
    DigestKey::new(DIGESTS)
}

/// The statement that gives a database the key of ids.
pub fn set_digest_key() -> anyhow::Result<String> {
    let sealed = keys()?.seal(DIGEST_KEY, &Secret::new(URL_SAFE_NO_PAD.encode(DIGESTS)));
    Ok(format!("insert into secrets (name, value) values ('{DIGEST_KEY}', '{sealed}')"))
}
