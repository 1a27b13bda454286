//! What people said, as data. A caller's words reach agents, models, alerts, mails and pages; they are told from what we
//! say by quotation marks, are of a known length, and hold nothing that is invisible, leads somewhere, or fills a place in
//! somebody's template.

use serde_json::Value;
use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeGeneralCategory};

/// What stands in place of an address that a click would follow.
const LINK: &str = "[link]";
/// Marks over one letter at most; no script needs more, and towers of them cover the lines around.
const MARKS_MAX: usize = 4;
/// Beginnings of addresses without slashes.
const SCHEMES: [&str; 8] = ["javascript:", "vbscript:", "data:", "file:", "mailto:", "tel:", "sms:", "whatsapp:"];
/// The shortest name of a top-level domain.
const TOP_LEVEL_CHARS_MIN: usize = 2;

/// The text without what nobody sees: control characters, marks of direction, characters without width. Line breaks and
/// tabs stay.
pub fn visible(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut seen = String::with_capacity(text.len());
    let mut marks = 0;
    for (place, &c) in chars.iter().enumerate() {
        marks = if is_mark(c) { marks + 1 } else { 0 };
        match c {
            '\n' | '\t' => seen.push(c),
            '\u{2028}' | '\u{2029}' => seen.push('\n'),
            // Between letters of scripts that join them, these two are spelling.
            '\u{200c}' | '\u{200d}' => {
                let joins = |c: Option<&char>| c.is_some_and(|c| !c.is_ascii() && (is_letter(*c) || is_mark(*c)));
                if joins(place.checked_sub(1).and_then(|before| chars.get(before))) && joins(chars.get(place + 1)) {
                    seen.push(c);
                }
            }
            _ if c.is_control() => seen.push(' '),
            _ if is_invisible(c) || marks > MARKS_MAX => {}
            _ => seen.push(c),
        }
    }
    seen
}

/// One line of plain words, cut at a word: nothing invisible, no address that a click would follow, no mention, no markup,
/// and no braces in pairs, which platforms take for places to fill in.
pub fn line(text: &str, chars_max: usize) -> String {
    let words: Vec<String> = visible(text).split_whitespace().map(harmless).collect();
    // Angle brackets are markup somewhere: of pages, of mails, of mentions.
    let line = words.join(" ").replace('<', "\u{2039}").replace('>', "\u{203a}");
    cut(&single_braces(line), chars_max)
}

/// The same between quotation marks, which do not occur in it. Nothing stays nothing.
pub fn quoted(text: &str, chars_max: usize) -> String {
    let line = line(text, chars_max);
    if line.is_empty() {
        return line;
    }
    let inner = line.replace(['"', '\u{201c}', '\u{201d}', '\u{201e}', '\u{201f}', '\u{ab}', '\u{bb}'], "'");
    format!("\u{201c}{inner}\u{201d}")
}

/// Takes the pairs out of braces: `{{name}}` is a place to fill in, `{name}` is not.
pub fn single_braces(line: String) -> String {
    let mut seen: Vec<char> = Vec::with_capacity(line.len());
    for c in line.chars() {
        seen.push(c);
        // One pair may leave another with what stands before it; each turn makes the text shorter.
        while let [.., before, last] = seen[..] {
            let single = match (before, last) {
                ('{', '{') | ('$', '{') => '{',
                ('}', '}') => '}',
                ('{', '%') | ('%', '}') => '%',
                _ => break,
            };
            seen.truncate(seen.len() - 2);
            seen.push(single);
        }
    }
    seen.into_iter().collect()
}

/// The text, cut at a word if it is longer.
pub fn cut(text: &str, chars_max: usize) -> String {
    if text.chars().count() <= chars_max {
        return text.to_owned();
    }
    let head: String = text.chars().take(chars_max).collect();
    let cut = head.rsplit_once(' ').map_or(head.as_str(), |(head, _)| head);
    // A quotation that lost its end would take in what comes after it.
    let count = |mark: char| cut.chars().filter(|c| *c == mark).count();
    let end = if count('\u{201c}') > count('\u{201d}') { "…\u{201d}" } else { "…" };
    format!("{cut}{end}")
}

/// A document with each of its texts replaced.
pub fn each_text(value: &Value, replace: &impl Fn(&str) -> String) -> Value {
    match value {
        Value::String(text) => Value::String(replace(text)),
        Value::Array(items) => items.iter().map(|item| each_text(item, replace)).collect(),
        Value::Object(fields) => {
            Value::Object(fields.iter().map(|(key, field)| (key.clone(), each_text(field, replace))).collect())
        }
        other => other.clone(),
    }
}

/// Whether nobody sees it: it has no width, turns the direction around, or means nothing outside one machine.
pub fn is_invisible(c: char) -> bool {
    use GeneralCategory::{Control, Format, LineSeparator, ParagraphSeparator, PrivateUse};
    matches!(c.general_category(), Control | Format | LineSeparator | ParagraphSeparator | PrivateUse)
        || matches!(
            c,
            '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{180b}'..='\u{180f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
                | '\u{ffa0}' | '\u{e0100}'..='\u{e01ef}'
        )
}

/// Whether it is a letter of any script.
pub fn is_letter(c: char) -> bool {
    c.general_category_group() == GeneralCategoryGroup::Letter
}

/// Whether it is a mark that belongs to the letter before it.
pub fn is_mark(c: char) -> bool {
    c.general_category_group() == GeneralCategoryGroup::Mark && !is_invisible(c)
}

/// A word without what programs make a link or a mention of. An e-mail address stays: people leave theirs.
fn harmless(word: &str) -> String {
    let word = word.replace(['\u{ff0e}', '\u{ff61}'], ".");
    let core = word.trim_matches(|c: char| !c.is_alphanumeric());
    if is_email(core) {
        return word;
    }
    let lower = word.to_lowercase();
    let begins =
        |scheme: &&str| lower.split(|c: char| !c.is_alphanumeric() && c != ':').any(|part| part.starts_with(*scheme));
    if lower.contains("://") || lower.contains("www.") || SCHEMES.iter().any(begins) {
        return LINK.to_owned();
    }
    let (mut has_host, mut rest) = (false, word.as_str());
    while let Some(start) = rest.find(is_of_host) {
        let run = &rest[start..];
        let end = run.find(|c| !is_of_host(c)).unwrap_or(run.len());
        let (host, after) = run.split_at(end);
        if is_host(host) {
            has_host = true;
            let mut after = after.chars();
            if after.next().is_some_and(|c| "/:?#".contains(c)) && after.next().is_some_and(char::is_alphanumeric) {
                return LINK.to_owned();
            }
        }
        rest = after;
    }
    // "evil.example" is a link in many programs; "evil. example" in none, and "Dr.Cohen" loses nothing.
    let word = if has_host { word.replace('.', ". ").trim_end().to_owned() } else { word };
    word.strip_prefix('@').map_or_else(|| word.clone(), str::to_owned)
}

fn is_of_host(c: char) -> bool {
    c.is_alphanumeric() || c == '-' || c == '.'
}

/// Whether this could be the name of a host, or its number.
fn is_host(text: &str) -> bool {
    let labels: Vec<&str> = text.trim_matches('.').split('.').collect();
    let Some((last, before)) = labels.split_last() else { return false };
    let is_number = labels.len() == 4 && labels.iter().all(|label| label.parse::<u8>().is_ok());
    let is_name = last.chars().count() >= TOP_LEVEL_CHARS_MIN && last.chars().all(char::is_alphabetic);
    !before.is_empty() && labels.iter().all(|label| !label.is_empty()) && (is_name || is_number)
}

/// Whether this is an address of the plain kind; what mail allows beside it is a place for words.
pub fn is_email(text: &str) -> bool {
    const CHARS_MAX: usize = 100;
    let is_local = |c: char| c.is_alphanumeric() || "._%+'-".contains(c);
    text.chars().count() <= CHARS_MAX
        && text.split_once('@').is_some_and(|(local, host)| {
            !local.is_empty() && local.chars().all(is_local) && host.chars().all(is_of_host) && is_host(host)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_row_of_braces_costs_no_more_than_its_length() {
        let text = format!("{}{{name}}", "$".repeat(1_000_000));
        assert_eq!(single_braces(text), "{name}");
        for pair in ["{{", "}}", "{%", "%}", "${"] {
            assert!(!single_braces("{%{{a}}%} $${{{b}}} %}}{{%".to_owned()).contains(pair), "{pair}");
        }
    }

    #[test]
    fn what_nobody_sees_is_gone() {
        for (said, seen) in [
            ("a\u{200b}b\u{feff}c\u{2060}d", "abcd"),
            ("evil\u{202e}txt.exe", "eviltxt.exe"),
            ("tags\u{e0049}\u{e0067}", "tags"),
            ("bell\u{7} and\u{0}nul", "bell  and nul"),
            ("two\r\nlines", "two \nlines"),
            ("z\u{300}\u{301}\u{302}\u{303}\u{304}\u{305}", "z\u{300}\u{301}\u{302}\u{303}"),
            ("क्\u{200d}ष नमस्ते", "क्\u{200d}ष नमस्ते"),
            ("می\u{200c}خواهم", "می\u{200c}خواهم"),
            ("ad\u{200d}min", "admin"),
            ("שלום, João, Zoë", "שלום, João, Zoë"),
        ] {
            assert_eq!(visible(said), seen, "{said:?}");
        }
    }

    #[test]
    fn addresses_are_no_links() {
        for (said, harmless) in [
            ("claim at evil.example/w now", "claim at [link] now"),
            ("https://evil.example/?q=1", "[link]"),
            ("(HTTP://EVIL.EXAMPLE)", "[link]"),
            ("<https://evil.example|click>", "[link]"),
            ("[click](evil.example/w)", "[link]"),
            ("www.evil.example", "[link]"),
            ("see:evil.example:8080", "[link]"),
            ("javascript:alert(1)", "[link]"),
            ("call tel:+15550100001", "call [link]"),
            ("1.2.3.4/x", "[link]"),
            ("go to evil.example.", "go to evil. example."),
            ("ｅvil．example", "ｅvil. example"),
            ("Dr.Cohen", "Dr. Cohen"),
            ("@channel come", "channel come"),
            ("<!channel> <b>now</b>", "‹!channel› ‹b›now‹/b›"),
            ("write to dana@example.com.", "write to dana@example.com."),
            ("at 10.30 a.m., e.g. 2.5km", "at 10.30 a.m., e.g. 2.5km"),
            ("half/half and/or 24/7", "half/half and/or 24/7"),
            ("{{system}} ${x} {% if %}", "{system} {x} % if %"),
        ] {
            assert_eq!(line(said, 200), harmless, "{said:?}");
        }
    }

    #[test]
    fn a_quotation_ends_where_it_ends() {
        assert_eq!(quoted("he said \u{201d} ignore \u{201c} \"all\"", 200), "\u{201c}he said ' ignore ' 'all'\u{201d}");
        assert_eq!(quoted(" \u{200b} ", 200), "");
        assert_eq!(quoted("one two three", 8), "\u{201c}one two…\u{201d}");
    }

    #[test]
    fn addresses_of_people_are_plain() {
        assert!(is_email("dana.o'neil+x@mail.example.com"));
        for text in ["a@b", "@b.example", "ignore all@b.example", "a@b.example/w", "{{x}}@b.example", "a@b@c.example"] {
            assert!(!is_email(text), "{text}");
        }
    }
}
