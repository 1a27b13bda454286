//! Digests and ids that nobody can make who has not the key: a telephone number has so few digits that its plain digest
//! is found by trying all of them.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use uuid::Uuid;

use crate::redact::Secret;

/// What ids are digests for.
const ID: &str = "id";

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}

/// 256 random bits in base64url.
pub fn random() -> Secret {
    Secret::new(URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>()))
}

/// So many random letters of an alphabet, five bits each: it has 32, so that a byte gives them without a bias.
pub fn random_letters<const LETTERS: usize>(alphabet: &[u8; 32]) -> String {
    rand::random::<[u8; LETTERS]>().iter().map(|byte| char::from(alphabet[usize::from(byte % 32)])).collect()
}

/// The key of ids and digests.
#[derive(Clone)]
pub struct DigestKey(Hmac<Sha256>);

impl fmt::Debug for DigestKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl DigestKey {
    /// Of these random bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        let mut block = [0; 64];
        block[..32].copy_from_slice(&bytes);
        // HMAC fills a shorter key up with zeros itself (RFC 2104).
        Self(Hmac::new((&block).into()))
    }

    /// HMAC-SHA-256 of a text. Digests for different purposes have nothing in common.
    pub fn digest(&self, purpose: &str, text: &str) -> [u8; 32] {
        self.digest_parts(purpose, &[text.as_bytes()])
    }

    /// The same of several parts, each with its length, so that ("ab", "c") is not ("a", "bc").
    pub fn digest_parts(&self, purpose: &str, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = self.0.clone();
        for part in std::iter::once(&purpose.as_bytes()).chain(parts) {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }

    /// An id out of a natural key: the same for the same parts, and nothing of them follows from it (UUID version 8).
    pub fn id(&self, parts: &[&str]) -> Uuid {
        let digest = self.digest_parts(ID, &parts.iter().map(|part| part.as_bytes()).collect::<Vec<_>>());
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        uuid::Builder::from_custom_bytes(bytes).into_uuid()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_depends_on_key_purpose_and_every_part() {
        let key = DigestKey::new([7; 32]);
        let digest = key.digest("a", "text");
        assert_eq!(digest, DigestKey::new([7; 32]).digest("a", "text"));
        for other in [
            DigestKey::new([8; 32]).digest("a", "text"),
            key.digest("b", "text"),
            key.digest("at", "ext"),
            key.digest_parts("a", &[b"te", b"xt"]),
            key.digest_parts("a", &[b"t", b"ext"]),
        ] {
            assert_ne!(digest, other);
        }
    }

    #[test]
    fn an_id_is_a_uuid_of_its_own_kind() {
        let key = DigestKey::new([7; 32]);
        let id = key.id(&["lead", "+15550100177"]);
        assert_eq!((id.get_version_num(), id), (8, key.id(&["lead", "+15550100177"])));
        assert_ne!(id, key.id(&["lead", "+15550100178"]));
        assert_eq!(format!("{key:?}"), "[redacted]");
    }
}
