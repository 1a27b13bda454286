//! A name that may be spoken, or stand in a message of ours. Names come from callers, caller ids and address books: what
//! is no name is somebody's text under our letterhead.

use super::spoken_text::{is_letter, is_mark, visible};

/// The longest name; longer ones are greeted without it.
const CHARS_MAX: usize = 40;
/// Given names and family names, with what stands between them.
const WORDS_MAX: usize = 5;
/// What stands between the letters of names, in any script.
const BETWEEN: &str = " '.-\u{2019}\u{2010}\u{5f3}\u{5f4}\u{b7}";
/// What platforms and people write where they know no name.
const NOT_NAMES: [&str; 14] = [
    "unknown",
    "anonymous",
    "private",
    "restricted",
    "unavailable",
    "withheld",
    "blocked",
    "none",
    "null",
    "undefined",
    "nil",
    "na",
    "n.a.",
    "test",
];

/// The name, if it is one: letters and the marks of names, nothing else.
pub fn display_name(text: &str) -> Option<String> {
    let name = visible(text).split_whitespace().collect::<Vec<_>>().join(" ");
    let words = name.split(' ').map(spaced).collect::<Option<Vec<String>>>()?;
    let name = words.join(" ");
    let is_name = name.chars().count() <= CHARS_MAX
        && name.split(' ').count() <= WORDS_MAX
        && name.chars().next().is_some_and(is_letter)
        && name.chars().all(|c| is_letter(c) || is_mark(c) || BETWEEN.contains(c))
        && !NOT_NAMES.contains(&name.to_lowercase().as_str());
    is_name.then_some(name)
}

/// A word with its initials apart: "J.R." is "J. R.". A dot behind anything longer parts no name: it parts a host's.
fn spaced(word: &str) -> Option<String> {
    let parts: Vec<&str> = word.split_inclusive('.').collect();
    let (_, before) = parts.split_last()?;
    let is_initial = |part: &&str| part.trim_end_matches('.').chars().filter(|c| is_letter(*c)).count() == 1;
    before.iter().all(is_initial).then(|| parts.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_any_script_are_names() {
        for name in [
            "Dana",
            "Dana O'Neil",
            "Jean-Luc Picard",
            "María del Carmen Fernández",
            "דנה כהן",
            "ג׳ורג׳",
            "अनिता शर्मा",
            "महेन्द्र",
            "محمد",
            "李小龙",
            "Ng",
            "Dr. Ruth",
            "Zoe\u{308}",
        ] {
            assert_eq!(display_name(name).as_deref(), Some(name));
        }
        assert_eq!(display_name(" J.R.  Ewing\n").as_deref(), Some("J. R. Ewing"));
        assert_eq!(display_name("Da\u{200b}na\u{202e}").as_deref(), Some("Dana"));
    }

    #[test]
    fn what_is_no_name_is_none() {
        for text in [
            "",
            " ",
            "you won 500 EUR, claim at evil.example/w",
            "evil.example",
            "claim at evil.example",
            "www.evil",
            "R2D2",
            "Dana 🎉",
            "Dana <b>",
            "{{name}}",
            "Dana\u{202e}(1)",
            "a@b.example",
            "unknown",
            "Anonymous",
            "--",
            "Please call me back right now today",
            "Abcdefghijklmnopqrstuvwxyz Abcdefghijklmnopqrstuvwxyz",
            "x:y",
            "a/b",
        ] {
            assert_eq!(display_name(text), None, "{text:?}");
        }
    }
}
