//! Telephone numbers: what people and platforms write, as E.164 where it is a number.
//!
//! The rules follow the findings on Israeli numbers in the platforms' samples: a number may be possible yet "not
//! valid" by the release of the metadata in use (0501234567 is), so validity is not asked for where the form itself
//! says what the number is; without such a form, length alone is not trusted (17025550143 would pass for an Israeli
//! number).

use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumber, PhoneNumberFormat};

use crate::redact::Phone;

/// Longest text that is looked at; anything longer is no telephone number.
const MAX_CHARS: usize = 64;
/// A number of this many digits is one without its country code too; a shorter run of digits may be anything.
const MIN_NATIONAL_DIGITS: usize = 8;

/// What carriers put in place of a withheld number: ANONYMOUS, RESTRICTED, UNAVAILABLE, UNKNOWN and BLOCKED on a keypad.
/// Nobody has these numbers, and everybody who withholds theirs would be one person.
const WITHHELD: [&str; 5] = ["+266696687", "+7378742833", "+86282452253", "+8656696", "+2562533"];

/// The number in E.164 (`+15550100123`), or `None` where the text is none: withheld callers, SIP names, short codes,
/// star codes, vanity letters. `region` is the ISO 3166 code that national numbers are read in.
pub fn e164(raw: &Phone, region: &str) -> Option<Phone> {
    let text = raw.expose().trim();
    if text.is_empty() || text.chars().count() > MAX_CHARS || text.starts_with('*') || has_letters(text) {
        return None;
    }
    if WITHHELD.contains(&text.chars().filter_map(plain_char).collect::<String>().as_str()) {
        return None;
    }
    let number = PHONE_NUMBER_UTIL.parse(text, Some(region.parse().ok()?)).ok()?;
    // The cheap question first: possible is a matter of length, valid one of a dozen regular expressions.
    let is_number = (says_what_it_is(text, &number) && PHONE_NUMBER_UTIL.is_possible_number(&number))
        || PHONE_NUMBER_UTIL.is_valid_number(&number);
    is_number.then(|| Phone::new(PHONE_NUMBER_UTIL.format(&number, PhoneNumberFormat::E164).into_owned()))
}

/// Whether it is the ISO 3166 code of a region that national numbers can be read in, in capitals.
pub fn is_region(code: &str) -> bool {
    let is_code = code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_uppercase());
    is_code && code.parse().is_ok_and(|region| PHONE_NUMBER_UTIL.get_country_code_for_region(region).is_some())
}

/// Whether the form of the text, not only its length, shows that it is a whole number: an international prefix, the
/// trunk prefix 0, the region's own country code, or the North American ten digits.
fn says_what_it_is(text: &str, number: &PhoneNumber) -> bool {
    let plain: String = text.chars().filter_map(plain_char).collect();
    let code = number.country_code;
    plain.starts_with('+')
        || plain.starts_with('0')
        || (code == 1 && plain.len() == 10)
        || (plain.len() >= 11 && plain.starts_with(&code.to_string()))
}

/// A plus or an ASCII digit, also from full-width and Arabic digits.
fn plain_char(c: char) -> Option<char> {
    let zero = match c {
        '+' | '\u{ff0b}' => return Some('+'),
        '0'..='9' => '0',
        '\u{0660}'..='\u{0669}' => '\u{0660}',
        '\u{06f0}'..='\u{06f9}' => '\u{06f0}',
        '\u{ff10}'..='\u{ff19}' => '\u{ff10}',
        _ => return None,
    };
    char::from_digit(u32::from(c) - u32::from(zero), 10)
}

/// A regular expression of Postgres that finds this number, which is in E.164, in a text, however it is spelled there:
/// with or without the country code, with blanks, dashes, dots, slashes and brackets between its digits. A longer run of
/// digits does not count. It is as personal as the number. `None`: it is no number in E.164.
pub fn pattern(number: &Phone) -> Option<Phone> {
    const BETWEEN: &str = "[-. ()/]*";
    let parsed = PHONE_NUMBER_UTIL.parse(number.expose(), None).ok()?;
    let code = parsed.country_code.to_string();
    let national = number.expose().strip_prefix('+')?.strip_prefix(&code)?;
    let spread = |digits: &str| digits.chars().map(String::from).collect::<Vec<_>>().join(BETWEEN);
    // A short number without its country code is found in anything.
    let optional = if national.len() < MIN_NATIONAL_DIGITS { "" } else { "?" };
    let prefix = format!("(?:(?:(?:00|011|[+]){BETWEEN})?{}{BETWEEN}){optional}", spread(&code));
    Some(Phone::new(format!("(?<![0-9]){prefix}(?:0{BETWEEN})?{}(?![0-9])", spread(national))))
}

fn has_letters(text: &str) -> bool {
    // Letters would be dialled as on a keypad (050-CALL-NOW); an extension mark is the only wanted one.
    let lower = text.to_lowercase();
    let before_extension = lower.split("ext").next().unwrap_or_default();
    before_extension.trim_end_matches('x').chars().any(char::is_alphabetic)
}
