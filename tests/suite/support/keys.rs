//! The keys of every test, always the same ones, so that ids in snapshots are too.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use switchhook::crypto::{DIGEST_KEY, DigestKey, Keys, MasterKeys};
use switchhook::redact::Secret;

/// What secrets are sealed under.
pub const MASTER_KEY: &str = "a3f1c09b5e7d28461f0e3d2c4b5a69788796a5b4c3d2e1f00112233445566778";
/// What ids and digests are made with.
const DIGESTS: [u8; 32] = *b"a key of ids, for the tests only";

/// Keys that have not been loaded from a database.
pub fn keys() -> Keys {
    Keys::new(MasterKeys::parse("test", &Secret::new(MASTER_KEY)).expect("a constant that is a key"))
}

/// The key of ids.
pub fn digest_key() -> DigestKey {
    DigestKey::new(DIGESTS)
}

/// The statement that gives a database the tests' key of ids.
pub fn set_digest_key() -> String {
    let sealed = keys().seal(DIGEST_KEY, &Secret::new(URL_SAFE_NO_PAD.encode(DIGESTS)));
    format!("insert into secrets (name, value) values ('{DIGEST_KEY}', '{sealed}')")
}
