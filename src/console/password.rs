//! Passwords: argon2id, and words that one may log in with.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};

use crate::redact::Secret;

/// Shorter passwords are refused: length is what keeps guessing long.
pub const CHARS_MIN: usize = 12;
/// Longer ones are refused: hashing them would be work for whoever likes to make some.
pub const BYTES_MAX: usize = 1024;

/// Of no password that is in use: what a login that does not exist is compared with, so that it takes as long.
const NOBODYS: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$c3dpdGNoaG9vay1ub2JvZHk$KkzDU8gmhpuZnbrHc4YyFsPL0YqPcOi0V1sTY8gVZ7o";

/// Why a password or a login name is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// Too short.
    #[error("a password has {CHARS_MIN} characters or more")]
    Short,
    /// Too long.
    #[error("a password has {BYTES_MAX} bytes or less")]
    Long,
    /// Not a login name.
    #[error("a login name has letters, digits and ._@+-, begins with a letter or a digit, and is at most 100 long")]
    Login,
    /// The machine has no memory or no randomness.
    #[error("the password could not be hashed")]
    Hash,
}

/// The hash of a new password, with a salt of its own. It takes a while: not for the thread that answers requests.
pub fn hash(password: &Secret) -> Result<Secret, Unfit> {
    if password.expose().chars().count() < CHARS_MIN {
        return Err(Unfit::Short);
    }
    if password.expose().len() > BYTES_MAX {
        return Err(Unfit::Long);
    }
    let hash = Argon2::default().hash_password(password.expose().as_bytes()).map_err(|_| Unfit::Hash)?;
    Ok(Secret::new(hash.to_string()))
}

/// Whether this is the password. `None`: there is no such user; it takes as long.
pub(super) fn fits(password: &Secret, hash: Option<&Secret>) -> bool {
    let text = hash.map_or(NOBODYS, Secret::expose);
    let Ok(parsed) = PasswordHash::new(text) else { return false };
    let fits = Argon2::default().verify_password(password.expose().as_bytes(), &parsed).is_ok();
    fits && hash.is_some()
}

/// A login name as it is kept: in lower case.
pub fn login(text: &str) -> Result<String, Unfit> {
    let login = text.trim().to_lowercase();
    let first = login.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._@+-".contains(&byte);
    if first && login.len() <= 100 && login.bytes().all(is_plain) { Ok(login) } else { Err(Unfit::Login) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_fits_its_hash_and_nobody_elses() {
        let secret = Secret::new("correct horse battery");
        let hash = hash(&secret).unwrap();
        assert!(hash.expose().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash.expose());
        assert!(fits(&secret, Some(&hash)));
        assert!(!fits(&Secret::new("correct horse batterY"), Some(&hash)));
        assert!(!fits(&secret, None));
        assert!(PasswordHash::new(NOBODYS).is_ok(), "else an unknown name is answered sooner");
    }

    #[test]
    fn short_ones_and_odd_names_are_refused() {
        assert_eq!(hash(&Secret::new("eleven char")), Err(Unfit::Short));
        assert_eq!(hash(&Secret::new("x".repeat(2000))), Err(Unfit::Long));
        assert_eq!(login(" Dana@Example.com "), Ok("dana@example.com".to_owned()));
        assert!(["", "-a", "a b", "a\u{0}"].iter().all(|text| login(text).is_err()));
    }
}
