//! What somebody probably meant: the word that is most like a mistyped one.

/// From this likeness on (Jaro-Winkler) a word is offered: below it, guesses mislead more often than they help.
const LIKENESS_MIN: f64 = 0.8;

/// The word of these that is most like this one, whatever the case of its letters.
pub fn nearest<'w>(mistyped: &str, words: impl IntoIterator<Item = &'w str>) -> Option<&'w str> {
    let mistyped = mistyped.to_lowercase();
    best(words.into_iter().map(|word| (strsim::jaro_winkler(&word.to_lowercase(), &mistyped), word)))
}

/// The time zone of the IANA list that is most like this one. The city counts over the part before it: who writes
/// `Israel/Tel_Aviv` knows where they are.
pub fn time_zone(mistyped: &str) -> Option<&'static str> {
    let mistyped = mistyped.to_lowercase();
    let city = |name: &str| name.rsplit('/').next().unwrap_or_default().replace(['_', ' ', '-'], "");
    let scored = chrono_tz::TZ_VARIANTS.iter().map(|zone| {
        let name = zone.name().to_lowercase();
        let whole = strsim::jaro_winkler(&name, &mistyped);
        // A tenth of the whole decides between cities of the same name.
        let cities = strsim::jaro_winkler(&city(&name), &city(&mistyped));
        (if cities > 0.95 { cities + whole / 10.0 } else { whole }, zone.name())
    });
    best(scored)
}

/// `; did you mean http.bind?`, or nothing.
pub fn hint(nearest: Option<&str>) -> String {
    nearest.map_or(String::new(), |word| format!("; did you mean {word}?"))
}

fn best<'w>(scored: impl Iterator<Item = (f64, &'w str)>) -> Option<&'w str> {
    let likely = scored.filter(|(likeness, _)| *likeness > LIKENESS_MIN);
    likely.max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, word)| word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_likeliest_word_is_offered_and_no_unlikely_one() {
        assert_eq!(nearest("warning", ["error", "warn", "info"]), Some("warn"));
        assert_eq!(nearest("KEEPALIVE", ["host", "keepalives"]), Some("keepalives"));
        assert_eq!(nearest("zzz", ["error", "warn", "info"]), None);
    }

    #[test]
    fn a_time_zone_is_found_by_its_city() {
        for (mistyped, meant) in [
            ("Israel/Tel_Aviv", "Asia/Tel_Aviv"),
            ("Europe/Berln", "Europe/Berlin"),
            ("europe/madrid", "Europe/Madrid"),
            ("America/New York", "America/New_York"),
            ("utc", "UTC"),
        ] {
            assert_eq!(time_zone(mistyped), Some(meant), "{mistyped}");
        }
        assert_eq!(time_zone("+02:00"), None);
    }
}
