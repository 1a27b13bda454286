//! Passwords: argon2id, and words that one may log in with.

use std::sync::Arc;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use tokio::sync::Semaphore;

use crate::redact::Secret;

/// Shorter passwords are refused: length is what keeps guessing long.
pub const CHARS_MIN: usize = 12;
/// Longer ones are refused: hashing them would be work for whoever likes to make some.
pub const BYTES_MAX: usize = 1024;

/// Passwords that are looked at at once: each takes 19 MB and a core for some ten milliseconds.
const AT_ONCE: usize = 2;
/// Passwords that wait for that; more are sent away for a second. It is the work of about two seconds: whoever waits longer
/// tries again anyway.
const WAITING_MAX: usize = 64;

/// What `zxcvbn` calls safely unguessable: more than 10^8 guesses, which slowing makes centuries.
const SCORE_MIN: zxcvbn::Score = zxcvbn::Score::Three;

/// Of no password that is in use: what a login that does not exist is compared with, so that it takes as long.
const NOBODYS: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$c3dpdGNoaG9vay1ub2JvZHk$KkzDU8gmhpuZnbrHc4YyFsPL0YqPcOi0V1sTY8gVZ7o";

/// Why a password or a login name is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// Easy to guess; with what would mend it.
    #[error("this password is easy to guess: {0}")]
    Weak(String),
    /// Too short.
    #[error("a password has {CHARS_MIN} characters or more")]
    Short,
    /// Too long.
    #[error("a password has {BYTES_MAX} bytes or less")]
    Long,
    /// Not a login name.
    #[error("a login name has letters, digits and ._@+-, begins with a letter or a digit, and is at most 100 long")]
    Login,
    /// Too many others are looked at just now.
    #[error("too many passwords are looked at just now: try again in a second")]
    Busy,
    /// The machine has no memory or no randomness.
    #[error("the password could not be hashed")]
    Hash,
}

/// Refuses a password that is easy to guess: one of the common ones, a pattern of the keyboard, a date, or made of these
/// words (the login name, the tenant). It takes some milliseconds: not for the thread that answers requests.
pub fn assess(password: &Secret, words: &[String]) -> Result<(), Unfit> {
    has_length(password)?;
    let mut inputs = vec!["switchhook"];
    for word in words {
        inputs.push(word);
        inputs.extend(word.split(|c: char| !c.is_alphanumeric()).filter(|part| part.chars().count() > 2));
    }
    let entropy = zxcvbn::zxcvbn(password.expose(), &inputs);
    if entropy.score() >= SCORE_MIN {
        return Ok(());
    }
    let advice = entropy.feedback().map(ToString::to_string).unwrap_or_default();
    let advice = if advice.is_empty() { "Add another word or two." } else { &advice };
    Err(Unfit::Weak(advice.trim().trim_end_matches('.').to_owned()))
}

/// The hash of a new password, with a salt of its own. It takes a while: not for the thread that answers requests.
pub fn hash(password: &Secret) -> Result<Secret, Unfit> {
    has_length(password)?;
    let hash = Argon2::default().hash_password(password.expose().as_bytes()).map_err(|_| Unfit::Hash)?;
    Ok(Secret::new(hash.to_string()))
}

fn has_length(password: &Secret) -> Result<(), Unfit> {
    if password.expose().chars().count() < CHARS_MIN {
        return Err(Unfit::Short);
    }
    if password.expose().len() > BYTES_MAX {
        return Err(Unfit::Long);
    }
    Ok(())
}

/// Makes and compares hashes aside of the threads that answer requests, a few at once. What was begun holds its permit to
/// its end, also where the client hangs up: a hash cannot be stopped.
#[derive(Debug)]
pub struct Hasher {
    at_once: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

impl Default for Hasher {
    fn default() -> Self {
        let [at_once, waiting] = [AT_ONCE, AT_ONCE + WAITING_MAX].map(|permits| Arc::new(Semaphore::new(permits)));
        Self { at_once, waiting }
    }
}

impl Hasher {
    /// The hash of a new password. `words`: what it must not be made of, such as the login name.
    pub async fn hash(&self, given: Secret, words: Vec<String>) -> Result<Secret, Unfit> {
        // For people who are signed in.
        self.run(true, move || {
            assess(&given, &words)?;
            hash(&given)
        })
        .await?
    }

    /// Whether this is the password; it takes as long where there is none. `is_known`: it comes from where the login has signed
    /// in before. `turn`: what is held until it is looked at.
    pub(super) async fn fits(
        &self,
        is_known: bool,
        turn: impl Send + 'static,
        given: Secret,
        hash: Option<Secret>,
    ) -> Result<bool, Unfit> {
        self.run(is_known, move || {
            let fits = fits(&given, hash.as_ref());
            drop(turn);
            fits
        })
        .await
    }

    /// Only so many strangers wait: they must not keep out those who are known.
    async fn run<T: Send + 'static>(
        &self,
        is_known: bool,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Unfit> {
        let place = match is_known {
            true => None,
            false => Some(Arc::clone(&self.waiting).try_acquire_owned().map_err(|_| Unfit::Busy)?),
        };
        let permit = Arc::clone(&self.at_once).acquire_owned().await.map_err(|_| Unfit::Hash)?;
        let done = tokio::task::spawn_blocking(move || {
            let done = work();
            drop((permit, place));
            done
        });
        done.await.map_err(|_| Unfit::Hash)
    }
}

/// Whether this is the password. `None`: there is no such user; it takes as long.
fn fits(password: &Secret, hash: Option<&Secret>) -> bool {
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
    fn what_is_easy_to_guess_is_refused_with_what_would_mend_it() {
        let words = ["dana.levi@example.com".to_owned(), "northwind".to_owned()];
        let weak = |text: &str| assess(&Secret::new(text), &words).unwrap_err().to_string();
        for text in ["password1234", "qwertyuiopas", "111111111111", "switchhook123", "dana.levi@example.com"] {
            assert!(weak(text).starts_with("this password is easy to guess: "), "{text}");
        }
        assert!(weak("northwind2026").contains("word"), "{}", weak("northwind2026"));
        for text in ["correct horse battery", "another horse battery", "vT9#qLm2!xRd"] {
            assert_eq!(assess(&Secret::new(text), &words), Ok(()), "{text}");
        }
        assert_eq!(assess(&Secret::new("x9 Kp rQ".repeat(128)), &words), Ok(()), "a long one ends in time");
    }

    #[tokio::test]
    async fn a_hash_holds_its_permit_when_the_client_hangs_up_and_only_so_many_wait() {
        let hasher = Arc::new(Hasher::default());
        let (begun, has_begun) = std::sync::mpsc::channel();
        let ends: Vec<_> = (0..AT_ONCE)
            .map(|_| {
                let (end, is_over) = std::sync::mpsc::channel::<()>();
                let (hasher, begun) = (Arc::clone(&hasher), begun.clone());
                let client = tokio::spawn(async move {
                    let work = move || {
                        begun.send(()).unwrap();
                        is_over.recv().ok()
                    };
                    hasher.run(false, work).await
                });
                (end, client)
            })
            .collect();
        tokio::task::spawn_blocking(move || (0..AT_ONCE).for_each(|_| has_begun.recv().unwrap())).await.unwrap();
        for (_, client) in &ends {
            client.abort();
        }
        let late = tokio::time::timeout(std::time::Duration::from_millis(50), hasher.run(false, || ())).await;
        assert!(late.is_err(), "both are still at work");
        let waiting: Vec<_> = (0..WAITING_MAX)
            .map(|_| {
                let hasher = Arc::clone(&hasher);
                tokio::spawn(async move { hasher.run(false, || ()).await })
            })
            .collect();
        while hasher.waiting.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(hasher.run(false, || ()).await, Err(Unfit::Busy));
        let known = {
            let hasher = Arc::clone(&hasher);
            tokio::spawn(async move { hasher.run(true, || ()).await })
        };
        drop(ends);
        assert_eq!(known.await.unwrap(), Ok(()), "strangers keep nobody out who is known");
        for waits in waiting {
            assert_eq!(waits.await.unwrap(), Ok(()));
        }
        assert_eq!(hasher.run(false, || ()).await, Ok(()));
    }

    #[test]
    fn short_ones_and_odd_names_are_refused() {
        assert_eq!(hash(&Secret::new("eleven char")), Err(Unfit::Short));
        assert_eq!(hash(&Secret::new("x".repeat(2000))), Err(Unfit::Long));
        assert_eq!(login(" Dana@Example.com "), Ok("dana@example.com".to_owned()));
        assert!(["", "-a", "a b", "a\u{0}"].iter().all(|text| login(text).is_err()));
    }
}
