//! Words with which people ask us to write no more, and to write again. The lists beside this file say where they are
//! from; those of every language count for everybody, because a person answers in the language that they like.
//!
//! A message must be the word and nothing else, but for capitals, punctuation, accents and emoji: "Stop!" is asked for
//! here, and "please stop by at five" is not.

use std::collections::HashMap;
use std::sync::LazyLock;

/// Longer messages are sentences, and sentences are not guessed at.
const MAX_CHARS: usize = 60;

const LISTS: [&str; 4] =
    [include_str!("english.txt"), include_str!("hebrew.txt"), include_str!("hindi.txt"), include_str!("spanish.txt")];

/// The words in their plain form, each with whether it asks us to stop.
static WORDS: LazyLock<HashMap<String, bool>> = LazyLock::new(|| {
    let entries = LISTS.iter().flat_map(|list| list.lines()).filter_map(entry);
    entries.map(|(stop, word)| (plain(word), stop)).collect()
});

/// Whether a message asks for no more messages (`true`), for messages again (`false`), or for neither.
pub fn asked(message: &str) -> Option<bool> {
    if message.chars().nth(MAX_CHARS).is_some() {
        return None;
    }
    WORDS.get(&plain(message)).copied()
}

/// A line of a list: `out: stop`, `in: start`.
fn entry(line: &str) -> Option<(bool, &str)> {
    match line.split_once(':')? {
        ("out", word) => Some((true, word)),
        ("in", word) => Some((false, word)),
        _ => None,
    }
}

/// Words in lower case with one space between, without accents, vowel points and what is no letter.
fn plain(text: &str) -> String {
    let letters = text.chars().filter_map(letter).flat_map(char::to_lowercase).map(without_accent);
    letters.collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A letter, a space for what parts words, nothing for what stands within them.
fn letter(c: char) -> Option<char> {
    Some(match c {
        // Apostrophes; accents, Hebrew points and joiners of their own; marks of the direction of writing.
        '\'' | '’' | '׳' | '״' => return None,
        '\u{300}'..='\u{36f}' | '\u{591}'..='\u{5bd}' | '\u{5bf}' | '\u{5c1}'..='\u{5c7}' => return None,
        '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' => return None,
        // Full-width letters of East Asian keyboards.
        '\u{ff21}'..='\u{ff3a}' | '\u{ff41}'..='\u{ff5a}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        // The signs of Devanagari belong to their letters; its danda ends a sentence.
        '\u{964}' | '\u{965}' => ' ',
        '\u{900}'..='\u{97f}' => c,
        c if c.is_alphanumeric() => c,
        _ => ' ',
    })
}

fn without_accent(c: char) -> char {
    match c {
        'á' | 'à' | 'â' | 'ä' => 'a',
        'é' | 'è' | 'ê' | 'ë' => 'e',
        'í' | 'ì' | 'î' | 'ï' => 'i',
        'ó' | 'ò' | 'ô' | 'ö' => 'o',
        'ú' | 'ù' | 'û' | 'ü' => 'u',
        'ñ' => 'n',
        c => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_lists_is_a_word_or_a_remark_and_no_word_is_in_twice() {
        let mut seen = HashMap::new();
        for line in LISTS.iter().flat_map(|list| list.lines()).filter(|line| !line.is_empty()) {
            if line.starts_with('#') {
                continue;
            }
            let (stop, word) = entry(line).unwrap_or_else(|| panic!("{line}"));
            let word = plain(word);
            assert!(!word.is_empty() && word.chars().count() <= MAX_CHARS, "{line}");
            assert_eq!(seen.insert(word.clone(), stop), None, "{line}");
            assert_eq!(asked(&word), Some(stop), "{line}");
        }
        for stop in [true, false] {
            for list in LISTS {
                assert!(list.lines().filter_map(entry).filter(|(word, _)| *word == stop).count() > 3);
            }
        }
    }

    #[test]
    fn a_word_counts_in_every_dress() {
        for text in [
            "STOP",
            "stop",
            " Stop.\n",
            "«Stop!»",
            "STOP 🛑",
            "Ｓｔｏｐ",
            "opt-out",
            "Opt out",
            "OPTOUT",
            "Don’t text me",
            "הסר",
            "הסר!",
            "\u{200f}הסר\u{200f}",
            "הָסֵר",
            "BAJA",
            "No más",
            "no ma\u{301}s",
            "¡ALTO!",
            "रोकें",
            "बंद करो।",
            "Band karo",
            "Stop promotions",
        ] {
            assert_eq!(asked(text), Some(true), "{text}");
        }
        for text in ["START", "Start!", "unstop", "Alta", "שלחו שוב", "फिर से शुरू करें"]
        {
            assert_eq!(asked(text), Some(false), "{text}");
        }
    }

    #[test]
    fn what_is_more_than_the_word_is_left_to_people() {
        for text in [
            "",
            "   ",
            "!",
            "[image]",
            "please stop by at five",
            "Can I cancel my appointment?",
            "stop stop",
            "yes",
            "no",
            "end of the month",
            "הסר את הפגישה מחר",
            "para mañana",
            "12",
            "s t o p",
        ] {
            assert_eq!(asked(text), None, "{text}");
        }
        assert_eq!(asked(&format!("stop{}", " ".repeat(100))), None);
    }
}
