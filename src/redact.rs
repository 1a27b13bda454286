//! Personal data and secrets as types: they print as a mask, and there is no other way to print them.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Declares a text type whose `Display` and `Debug` show a mask only.
macro_rules! redacted {
    ($(#[$doc:meta])* $name:ident, $mask:expr) => {
        $(#[$doc])*
        #[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Wraps the text.
            pub fn new(text: impl Into<String>) -> Self {
                Self(text.into())
            }

            /// The text itself: for the database and for the platform it belongs to, never for a log.
            pub fn expose(&self) -> &str {
                &self.0
            }

            /// Gives the text up.
            pub fn into_exposed(self) -> String {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mask: fn(&str) -> String = $mask;
                f.write_str(&mask(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

redacted!(
    /// A telephone number, in E.164 or as somebody wrote it.
    Phone,
    last_four
);
redacted!(
    /// A person's name.
    PersonName,
    hidden
);
redacted!(
    /// An e-mail address.
    Email,
    hidden
);
redacted!(
    /// What people said or wrote: transcripts, summaries, message bodies.
    Spoken,
    hidden
);
redacted!(
    /// A key, token or password.
    Secret,
    hidden
);

/// Anything else that may hold personal data, such as a payload: prints as a mask.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Hidden<T>(T);

impl<T> Hidden<T> {
    /// Hides the value from print.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself: for the database and for handlers, never for a log.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for Hidden<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// Masks what looks like personal data in a text that others wrote: runs of four digits or more (also when spaces or
/// dashes part them), and e-mail addresses.
pub fn scrub(text: &str) -> String {
    text.split_inclusive(char::is_whitespace).map(scrub_word).collect()
}

fn scrub_word(word: &str) -> String {
    let digits = word.chars().filter(char::is_ascii_digit).count();
    if digits < 4 && !word.contains('@') {
        return word.to_owned();
    }
    let end = if word.ends_with(char::is_whitespace) { " " } else { "" };
    format!("***{end}")
}

fn last_four(text: &str) -> String {
    let digits: Vec<char> = text.chars().filter(char::is_ascii_digit).collect();
    match digits.len() {
        0..=6 => "***".to_owned(),
        n => format!("***{}", digits[n - 4..].iter().collect::<String>()),
    }
}

fn hidden(_: &str) -> String {
    "[redacted]".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn personal_data_prints_as_a_mask() {
        assert_eq!(format!("{} {:?}", Phone::new("+15550100123"), Phone::new("12345")), "***0123 ***");
        assert_eq!(format!("{:?}", Some(Secret::new("hunter2"))), "Some([redacted])");
    }

    #[test]
    fn scrub_masks_numbers_and_addresses() {
        assert_eq!(scrub("caller +15550100123 wrote a@example.com twice"), "caller *** wrote *** twice");
        assert_eq!(scrub("retry 3 of 10"), "retry 3 of 10");
    }
}
