//! Random values with a check of four bytes that is made with the key of digests: one that was made up is told from one
//! that was issued without the database, however many somebody makes up.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq;

use super::DigestKey;
use crate::redact::Secret;

/// What nobody guesses.
const RANDOM_BYTES: usize = 32;
/// Of those that are made up one in 2^32 passes, and is looked up for nothing.
const CHECK_BYTES: usize = 4;

impl DigestKey {
    /// A random value for this purpose, with its check.
    pub fn issue(&self, purpose: &str) -> Secret {
        let random: [u8; RANDOM_BYTES] = rand::random();
        let mut bytes = random.to_vec();
        bytes.extend(self.check(purpose, &random));
        Secret::new(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// Whether a value was issued for this purpose. Whether it is still good is for the database to say.
    pub fn has_issued(&self, purpose: &str, text: &str) -> bool {
        let Ok(bytes) = URL_SAFE_NO_PAD.decode(text) else { return false };
        match bytes.split_at_checked(RANDOM_BYTES) {
            Some((random, check)) => self.check(purpose, random).ct_eq(check).into(),
            None => false,
        }
    }

    fn check(&self, purpose: &str, random: &[u8]) -> [u8; CHECK_BYTES] {
        let mut check = [0; CHECK_BYTES];
        check.copy_from_slice(&self.digest_parts("check", &[purpose.as_bytes(), random])[..CHECK_BYTES]);
        check
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_issued_for_the_purpose_with_the_key_passes() {
        let key = DigestKey::new([7; 32]);
        let issued = key.issue("a");
        let text = issued.expose();
        assert_eq!(text.len(), 48);
        assert!(key.has_issued("a", text) && !key.has_issued("b", text));
        assert!(!DigestKey::new([8; 32]).has_issued("a", text));
        let other = if text.starts_with('A') { 'B' } else { 'A' };
        let last = if text.ends_with('A') { 'B' } else { 'A' };
        for made_up in [
            format!("{other}{}", &text[1..]),
            format!("{}{last}", &text[..47]),
            text[..43].to_owned(),
            format!("{text}AAAA"),
            String::new(),
            "é".repeat(24),
        ] {
            assert!(!key.has_issued("a", &made_up), "{made_up}");
        }
    }
}
