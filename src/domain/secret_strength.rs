//! How long a secret must be. A secret that can be guessed verifies nobody.

use crate::redact::Secret;

/// The shortest secret that we or the user choose: sixteen letters and digits at random are 2^80 and more guesses.
pub const SECRET_CHARS_MIN: usize = 16;
/// The shortest secret that a platform dictates. Its length is not ours to choose (all that are known have 32 characters
/// and more); anything below this is not a key but a slip in copying one.
pub const PLATFORM_SECRET_CHARS_MIN: usize = 8;
/// The longest secret: keys of platforms have a few dozen characters, and one line is all that a form takes.
pub const SECRET_CHARS_MAX: usize = 4_096;

/// The party that makes the secret of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretMaker {
    /// The platform: it signs with a key of its own, and any other can never match.
    Platform,
    /// We: the platform takes the secret that is given to it.
    Us,
}

impl SecretMaker {
    /// The shortest secret.
    pub fn chars_min(self) -> usize {
        match self {
            Self::Platform => PLATFORM_SECRET_CHARS_MIN,
            Self::Us => SECRET_CHARS_MIN,
        }
    }
}

/// What must be known of a platform to give a source of it its secrets.
#[derive(Clone, Copy, Debug)]
pub struct SourceKind {
    /// Whether it signs what it sends.
    pub signs: bool,
    /// Whether it asks first if the URL is ours.
    pub shakes_hands: bool,
    /// The party that makes its secret.
    pub secret_maker: SecretMaker,
    /// Whether it takes a live token: it sends live requests, and does not sign them.
    pub takes_live_token: bool,
}

/// What is wrong with a secret, if something is.
pub fn weakness(secret: &Secret, chars_min: usize) -> Option<String> {
    let text = secret.expose();
    let length = text.chars().count();
    if text.trim() != text || text.chars().any(char::is_control) {
        return Some("it begins or ends with a space, or is more than one line".to_owned());
    }
    match length {
        0 => Some("it is empty".to_owned()),
        _ if length < chars_min => Some(format!("it has {length} characters; the fewest are {chars_min}")),
        _ if length > SECRET_CHARS_MAX => Some(format!("it has more than {SECRET_CHARS_MAX} characters")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_and_broken_secrets_are_refused_and_long_ones_taken() {
        let weak = |text: &str, maker: SecretMaker| weakness(&Secret::new(text), maker.chars_min()).is_some();
        for text in ["", "a", "fifteen chars..", " sixteen letters!", "sixteen\nletters!"] {
            assert!(weak(text, SecretMaker::Us), "{text:?}");
        }
        assert!(!weak("sixteen letters!", SecretMaker::Us) && !weak("key_1234", SecretMaker::Platform));
        assert!(weak("key_123", SecretMaker::Platform) && weak(&"x".repeat(4_097), SecretMaker::Us));
    }
}
