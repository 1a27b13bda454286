//! The master keys: what secrets in the database are sealed under. The first seals, all of them open.

use std::collections::BTreeSet;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::{KeyError, OpenError, hex, random};
use crate::redact::Secret;

/// How every sealed value begins; then come the key's id, a point, and nonce and ciphertext in base64url.
const PREFIX: &str = "v1.";
/// Bytes of a master key.
const KEY_BYTES: usize = 32;
/// Bytes of an XChaCha20 nonce: so many that chance never repeats one.
const NONCE_BYTES: usize = 24;
/// Bytes of a key's id: enough to tell a handful of keys apart.
const ID_BYTES: usize = 4;
/// Different bytes of a key at least. Of 32 random ones 30 are different; fewer than half mean that somebody made it up.
const DISTINCT_BYTES_MIN: usize = 16;

/// One or several master keys, the newest first.
pub struct MasterKeys(Vec<MasterKey>);

struct MasterKey {
    id: String,
    cipher: XChaCha20Poly1305,
}

impl fmt::Debug for MasterKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.ids()).finish()
    }
}

/// Whether a text has the form of a sealed value.
pub fn is_sealed(text: &str) -> bool {
    parts(text).is_some()
}

/// The id of the master key that a text is sealed under; `None`: it is not sealed.
pub fn sealed_under(text: &str) -> Option<&str> {
    parts(text).map(|(id, _)| id)
}

/// The id of the key and the rest, if the text has that form.
fn parts(text: &str) -> Option<(&str, &str)> {
    let (id, rest) = text.strip_prefix(PREFIX)?.split_once('.')?;
    (id.len() == 2 * ID_BYTES && id.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some((id, rest))
}

/// A fresh master key, as it is written down.
pub fn new_master_key() -> Secret {
    random()
}

impl MasterKeys {
    /// One fresh key, for what is thrown away when the program ends.
    pub fn fresh() -> Self {
        Self(vec![MasterKey::new(&rand::random())])
    }

    /// Reads keys, the newest first: 32 bytes each, in base64 or hexadecimal, parted by commas or lines; lines that begin
    /// with # are comments. `place`: where the text is from, for the error.
    pub fn parse(place: &str, text: &Secret) -> Result<Self, KeyError> {
        let lines = text.expose().lines().filter(|line| !line.trim_start().starts_with('#'));
        let texts = lines.flat_map(|line| line.split(',')).map(str::trim).filter(|text| !text.is_empty());
        let mut keys: Vec<MasterKey> = Vec::new();
        for (index, text) in texts.enumerate() {
            let wrong = |reason| KeyError::Malformed { place: format!("{place}, key {}", index + 1), reason };
            let bytes = decode(text).ok_or_else(|| wrong("not 32 bytes in base64 or hexadecimal"))?;
            if bytes.iter().collect::<BTreeSet<_>>().len() < DISTINCT_BYTES_MIN {
                return Err(wrong("not random"));
            }
            let key = MasterKey::new(&bytes);
            if !keys.iter().any(|known| known.id == key.id) {
                keys.push(key);
            }
        }
        if keys.is_empty() {
            return Err(KeyError::Malformed { place: place.to_owned(), reason: "there is no key in it" });
        }
        Ok(Self(keys))
    }

    /// Their ids, the newest first.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|key| key.id.as_str())
    }

    pub(super) fn seal(&self, purpose: &'static str, secret: &Secret) -> String {
        let key = &self.0[0];
        format!("{PREFIX}{}.{}", key.id, URL_SAFE_NO_PAD.encode(key.seal(purpose, secret.expose().as_bytes())))
    }

    /// The id of the key stands before the rest, as in a text.
    pub(super) fn seal_bytes(&self, purpose: &'static str, clear: &[u8]) -> Vec<u8> {
        let key = &self.0[0];
        [key.id.as_bytes(), &key.seal(purpose, clear)].concat()
    }

    pub(super) fn open_bytes(&self, purpose: &'static str, sealed: &[u8]) -> Result<Vec<u8>, OpenError> {
        let (id, rest) = sealed.split_at_checked(2 * ID_BYTES).ok_or(OpenError::NotSealed)?;
        let id = std::str::from_utf8(id).map_err(|_| OpenError::NotSealed)?;
        self.key(id)?.open(purpose, rest)
    }

    fn key(&self, id: &str) -> Result<&MasterKey, OpenError> {
        self.0.iter().find(|key| key.id == id).ok_or_else(|| OpenError::UnknownKey(id.to_owned()))
    }

    pub(super) fn open(&self, purpose: &'static str, sealed: &str) -> Result<Secret, OpenError> {
        let (id, text) = parts(sealed).ok_or(OpenError::NotSealed)?;
        let key = self.key(id)?;
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| OpenError::Damaged)?;
        String::from_utf8(key.open(purpose, &bytes)?).map(Secret::new).map_err(|_| OpenError::Damaged)
    }
}

impl MasterKey {
    /// Sealing and the id use keys derived from it, so that the id says nothing of what seals.
    fn new(bytes: &[u8; KEY_BYTES]) -> Self {
        let derive = |what: &str| -> [u8; 32] {
            let mut mac =
                <Hmac<Sha256> as KeyInit>::new_from_slice(bytes).expect("HMAC takes a key of any length (RFC 2104)");
            mac.update(b"switchhook ");
            mac.update(what.as_bytes());
            mac.finalize().into_bytes().into()
        };
        let id = hex(&derive("id")[..ID_BYTES]);
        Self { id, cipher: XChaCha20Poly1305::new(&derive("seal").into()) }
    }

    /// Nonce and ciphertext.
    fn seal(&self, purpose: &'static str, clear: &[u8]) -> Vec<u8> {
        let nonce: [u8; NONCE_BYTES] = rand::random();
        let payload = Payload { msg: clear, aad: purpose.as_bytes() };
        let sealed = self.cipher.encrypt(&XNonce::from(nonce), payload);
        [&nonce[..], &sealed.expect("XChaCha20-Poly1305 refuses only messages of more than 256 GB")].concat()
    }

    fn open(&self, purpose: &'static str, sealed: &[u8]) -> Result<Vec<u8>, OpenError> {
        let (nonce, message) = sealed.split_first_chunk::<NONCE_BYTES>().ok_or(OpenError::Damaged)?;
        let payload = Payload { msg: message, aad: purpose.as_bytes() };
        self.cipher.decrypt(&XNonce::from(*nonce), payload).map_err(|_| OpenError::Damaged)
    }
}

fn decode(text: &str) -> Option<[u8; KEY_BYTES]> {
    if text.len() == 2 * KEY_BYTES {
        let mut bytes = [0; KEY_BYTES];
        for (place, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(text.get(2 * place..2 * place + 2)?, 16).ok()?;
        }
        return Some(bytes);
    }
    let text = text.trim_end_matches('=');
    STANDARD_NO_PAD.decode(text).or_else(|_| URL_SAFE_NO_PAD.decode(text)).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
    const NEW: &str = "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=";

    fn keys(text: &str) -> MasterKeys {
        MasterKeys::parse("test", &Secret::new(text)).unwrap()
    }

    #[test]
    fn the_first_key_seals_and_every_key_opens() {
        let (old, both, new) = (keys(OLD), keys(&format!("# newest first\n{NEW}\n\n{OLD}\n")), keys(NEW));
        let secret = Secret::new("hunter2");
        let sealed = old.seal("a", &secret);
        assert_eq!(both.open("a", &sealed), Ok(secret.clone()));
        let id = old.ids().next().unwrap().to_owned();
        assert_eq!(new.open("a", &sealed), Err(OpenError::UnknownKey(id)));
        let sealed = both.seal("a", &secret);
        assert_eq!(new.open("a", &sealed), Ok(secret));
        assert!(old.open("a", &sealed).is_err());
        assert_eq!(keys(&format!("{NEW},{OLD}")).ids().collect::<Vec<_>>(), both.ids().collect::<Vec<_>>());
    }

    #[test]
    fn a_sealed_value_opens_for_its_purpose_only_and_unchanged_only() {
        let keys = keys(NEW);
        let (one, other) = (keys.seal("a", &Secret::new("hunter2")), keys.seal("a", &Secret::new("hunter2")));
        assert_ne!(one, other, "each has a nonce of its own");
        assert_eq!(keys.open("b", &one), Err(OpenError::Damaged));
        for place in PREFIX.len() + 2 * ID_BYTES + 1..one.len() {
            let mut bytes = one.clone().into_bytes();
            bytes[place] = if bytes[place] == b'A' { b'Q' } else { b'A' };
            assert_eq!(keys.open("a", &String::from_utf8(bytes).unwrap()), Err(OpenError::Damaged), "byte {place}");
        }
        assert_eq!(keys.open("a", "hunter2"), Err(OpenError::NotSealed));
        assert_eq!(keys.open("a", "v1.0000.AA"), Err(OpenError::NotSealed));
        assert_eq!(keys.open("a", "v1.00000000.AA"), Err(OpenError::UnknownKey("00000000".to_owned())));
    }

    #[test]
    fn what_is_no_key_is_refused_without_being_repeated() {
        for (text, reason) in [
            ("hunter2hunter2", "not 32 bytes"),
            ("0000000000000000000000000000000000000000000000000000000000000000", "not random"),
            (" , \n# nothing", "there is no key"),
        ] {
            let error = MasterKeys::parse("SWITCHHOOK_MASTER_KEY", &Secret::new(text)).unwrap_err().to_string();
            assert!(error.contains(reason) && !error.contains("hunter2"), "{error}");
        }
        assert_eq!(format!("{:?}", keys(OLD)), format!("{:?}", keys(OLD).ids().collect::<Vec<_>>()));
        keys(new_master_key().expose());
    }
}
