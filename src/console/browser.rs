//! The browser of a session in a few words, for the list in which its owner looks for what is not theirs.

use actix_web::HttpRequest;

/// Browsers by a word of their `User-Agent`. Most name the ones that they descend from as well, so order matters.
const BROWSERS: [(&str, &str); 8] = [
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("CriOS/", "Chrome"),
    ("Safari/", "Safari"),
];
/// Systems, likewise.
const SYSTEMS: [(&str, &str); 7] = [
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
];

/// `Firefox on Linux`; a script is `curl` or the like. The header itself is not kept: it is long, and tells machines apart.
pub(super) fn name(request: &HttpRequest) -> Option<String> {
    let header = request.headers().get("user-agent").and_then(|value| value.to_str().ok())?;
    let find =
        |known: &[(&str, &'static str)]| known.iter().find(|(word, _)| header.contains(word)).map(|(_, name)| *name);
    match (find(&BROWSERS), find(&SYSTEMS)) {
        (Some(browser), Some(system)) => Some(format!("{browser} on {system}")),
        (Some(browser), None) => Some(browser.to_owned()),
        // A script's name is the word before the version.
        (None, _) => {
            let word: String = header.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '-').take(30).collect();
            Some(word).filter(|word| !word.is_empty())
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::name;

    #[test]
    fn a_browser_is_a_few_words_and_a_script_its_name() {
        let of = |header: &str| name(&TestRequest::default().insert_header(("user-agent", header)).to_http_request());
        for (header, wanted) in [
            ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0",
                "Edge on Windows",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Safari/604.1",
                "Safari on iPhone",
            ),
            ("curl/8.5.0", "curl"),
        ] {
            assert_eq!(of(header).as_deref(), Some(wanted));
        }
        assert_eq!(of("<script>alert(1)</script>"), None);
        assert_eq!(of(&"x".repeat(500)).map(|word| word.len()), Some(30));
    }
}
