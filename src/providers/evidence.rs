//! What a request carries, held against what its source has: signatures, headers, tokens.

use std::borrow::Cow;

use chrono::{DateTime, TimeDelta, Utc};

use super::verification::{Asked, Carried, Carrier, Lacks, PlatformClass, SourceHas, Verdict, VerifiedBy, verify};
use super::{Delivery, Provider, crypto::same, query};
use crate::redact::Secret;
use crate::store::source_tokens::{SourceToken, TokenUse};

/// What a source asks of its platform, with the secrets themselves.
#[derive(Clone, Debug, Default)]
pub struct Credentials {
    /// Any of these verifies a delivery.
    pub secrets: Vec<Secret>,
    /// A static header that must be there as well.
    pub header: Option<(String, Secret)>,
    /// Whether the source is reached by a URL that cannot be guessed.
    pub url_is_secret: bool,
    /// Digests of the tokens of secret URLs and of live requests.
    pub tokens: Vec<SourceToken>,
    /// Webhooks need no verification, in so many words.
    pub allow_unsigned: bool,
}

/// Why a delivery is refused. The texts go to the sender and into `rejections`: no values in them. What only we may know is
/// in [`Refusal::inward`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// 401.
    #[error("not verified: {0}")]
    NotProven(&'static str),
    /// 401: the secret is right, and the time that was signed is too far from ours. The sender is told what it would be told
    /// with a wrong secret: else a captured request, sent again, would say which of our secrets it was signed with.
    #[error("not verified: {told}")]
    OffTime {
        /// What the sender is told.
        told: &'static str,
        /// How much later it came than its own time allows; negative: earlier.
        late: TimeDelta,
    },
    /// 401, by the table.
    #[error("not verified: {0}")]
    NotVerified(Lacks),
    /// 400.
    #[error("unreadable: {0}")]
    Unreadable(String),
}

impl Refusal {
    /// The same for the log, for `rejections` and for `verify`: which part failed.
    pub fn inward(&self) -> String {
        let Self::OffTime { late, .. } = self else { return self.to_string() };
        let direction = if *late < TimeDelta::zero() { "ahead of" } else { "behind" };
        let off = rough(late.abs());
        format!("not verified: the signature is right, its time is off by {off} ({direction} our clock)")
    }
}

/// A duration in its largest unit that fits twice: what people compare with a time zone or a clock that stands still.
fn rough(duration: TimeDelta) -> String {
    match duration.num_seconds() {
        seconds if seconds < 120 => format!("{seconds} s"),
        seconds if seconds < 120 * 60 - 30 => format!("{} min", (seconds + 30) / 60),
        seconds if seconds < 48 * 3_600 - 1_800 => format!("{} h", (seconds + 1_800) / 3_600),
        seconds => format!("{} d", (seconds + 43_200) / 86_400),
    }
}

/// What fits.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    secret: Option<(usize, Carrier)>,
    header: bool,
    url_token: Option<usize>,
    live_token: Option<usize>,
    /// Why no secret fits, in the platform's words.
    refusal: Option<Refusal>,
}

/// What of a source was used: its place in [`Credentials::secrets`] or [`Credentials::tokens`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Used {
    /// This secret.
    Secret(usize),
    /// This token.
    Token(usize),
}

impl Credentials {
    /// What the table is asked with.
    pub fn has(&self) -> SourceHas {
        SourceHas {
            secret: !self.secrets.is_empty(),
            header: self.header.is_some(),
            secret_url: self.url_is_secret,
            live_token: self.tokens.iter().any(|token| token.usage == TokenUse::Live),
            allow_unsigned: self.allow_unsigned,
            ..SourceHas::default()
        }
    }
}

impl Evidence {
    /// Looks at everything that a request may carry. `path_token`: what stands in the path in a token's place; `digest`: how
    /// tokens are kept.
    pub fn of(
        provider: &dyn Provider,
        delivery: &Delivery<'_>,
        path_token: Option<&str>,
        credentials: &Credentials,
        digest: impl Fn(&str) -> Option<Vec<u8>>,
        now: DateTime<Utc>,
    ) -> Self {
        let mut evidence = Self::default();
        if let Some((name, value)) = &credentials.header {
            let given = delivery.header(name).unwrap_or_default();
            evidence.header = same(given.as_bytes(), value.expose().as_bytes());
        }
        for (place, secret) in credentials.secrets.iter().enumerate() {
            match provider.check(delivery, secret, now) {
                Ok(()) => {
                    evidence.secret = Some((place, carrier(provider, delivery, secret)));
                    break;
                }
                Err(why) => evidence.refusal = Some(after(evidence.refusal.take(), why)),
            }
        }
        if !credentials.tokens.is_empty() {
            let given: Vec<Vec<u8>> = presented(delivery, path_token).filter_map(|(_, text)| digest(&text)).collect();
            let find = |usage: TokenUse| {
                credentials.tokens.iter().position(|token| {
                    token.usage == usage && given.iter().any(|given| same(given, token.digest.expose()))
                })
            };
            evidence.url_token = find(TokenUse::Webhook);
            evidence.live_token = find(TokenUse::Live);
        }
        evidence
    }

    /// The same for the table. `names_tool`: whether the body names the tool that it calls.
    pub fn carried(&self, names_tool: bool) -> Carried {
        Carried {
            secret: self.secret.map(|(_, carrier)| carrier),
            header: self.header,
            url_token: self.url_token.is_some(),
            live_token: self.live_token.is_some(),
            names_tool,
            ..Carried::default()
        }
    }

    /// Why the request is refused: where a secret is missing, the platform's own check says more than the table.
    pub fn refusal(&self, lacks: Lacks) -> Refusal {
        match (lacks, &self.refusal) {
            (Lacks::Secret, Some(refusal)) => refusal.clone(),
            _ => Refusal::NotVerified(lacks),
        }
    }

    /// What was used, if it is worth remembering.
    pub fn used(&self, by: VerifiedBy) -> Option<Used> {
        match by {
            VerifiedBy::Secret => self.secret.map(|(place, _)| Used::Secret(place)),
            VerifiedBy::SecretUrl => self.url_token.map(Used::Token),
            VerifiedBy::LiveToken => self.live_token.map(Used::Token),
            VerifiedBy::Header | VerifiedBy::VerifyToken | VerifiedBy::Unsigned | VerifiedBy::NothingAsked => None,
        }
    }
}

/// Whether a webhook would be stored that comes to the source's own URL.
pub fn verify_webhook(
    provider: &dyn Provider,
    delivery: &Delivery<'_>,
    credentials: &Credentials,
    now: DateTime<Utc>,
) -> Result<(), Refusal> {
    let evidence = Evidence::of(provider, delivery, None, credentials, |_| None, now);
    let url_token = credentials.tokens.iter().any(|token| token.usage == TokenUse::Webhook);
    let carried = Carried { url_token, ..evidence.carried(true) };
    match verify(PlatformClass::of(provider), credentials.has(), carried, Asked::Webhook) {
        Verdict::Accepted(_) => Ok(()),
        Verdict::Unverified(lacks) | Verdict::Forbidden(lacks) => Err(evidence.refusal(lacks)),
        Verdict::NotServed => Err(Refusal::NotVerified(Lacks::AnySecret)),
    }
}

/// The texts that a query presents as a token.
pub fn url_tokens(query: &str) -> Vec<Cow<'_, str>> {
    query::secrets(query, "token")
}

/// Every text that a request presents as a token: in a header, in the path, in the query.
pub fn presented<'a>(
    delivery: &Delivery<'a>,
    path_token: Option<&'a str>,
) -> impl Iterator<Item = (Carrier, Cow<'a, str>)> {
    let bearer = delivery
        .header("authorization")
        .and_then(|text| text.split_once(' '))
        .and_then(|(scheme, token)| scheme.eq_ignore_ascii_case("bearer").then(|| token.trim_start()));
    let headers = [delivery.header("x-webhook-token"), bearer].into_iter().flatten();
    let headers = headers.map(|text| (Carrier::Header, Cow::Borrowed(text)));
    let query = query::secrets(delivery.query, "token").into_iter();
    let url = path_token.into_iter().map(Cow::Borrowed).chain(query).map(|text| (Carrier::Url, text));
    headers.chain(url)
}

/// The check of platforms that sign nothing but let one add a header or choose the URL: the secret as
/// `X-Webhook-Token`, as a bearer token, or as the query parameter `token`.
pub(super) fn shared_token(delivery: &Delivery<'_>, secret: &Secret) -> Result<(), Refusal> {
    let mut is_missing = true;
    for (_, given) in presented(delivery, None) {
        is_missing = false;
        // An empty secret verifies nothing.
        if !secret.expose().is_empty() && same(given.as_bytes(), secret.expose().as_bytes()) {
            return Ok(());
        }
    }
    Err(Refusal::NotProven(match is_missing {
        true => "the token is missing: X-Webhook-Token, Authorization: Bearer, or ?token=",
        false => "the token is wrong",
    }))
}

/// Of several secrets the last one's refusal is told; that an earlier one fits but for the time is for ourselves.
fn after(before: Option<Refusal>, last: Refusal) -> Refusal {
    match (before, last) {
        (Some(Refusal::OffTime { late, .. }), Refusal::NotProven(told)) => Refusal::OffTime { told, late },
        (_, last) => last,
    }
}

/// Why a signature is refused that has a time. `fits`: whether the secret is right, so that it is the time that is wrong.
pub(super) fn refusal(fits: bool, told: &'static str, late: Option<TimeDelta>) -> Refusal {
    match (fits, late) {
        (true, Some(late)) => Refusal::OffTime { told, late },
        _ => Refusal::NotProven(told),
    }
}

fn carrier(provider: &dyn Provider, delivery: &Delivery<'_>, secret: &Secret) -> Carrier {
    if PlatformClass::of(provider).signs {
        return Carrier::Signature;
    }
    let fits = |text: &str| same(text.as_bytes(), secret.expose().as_bytes());
    let is_in_header = presented(delivery, None).any(|(carrier, text)| carrier == Carrier::Header && fits(&text));
    if is_in_header { Carrier::Header } else { Carrier::Url }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_secrets_the_sender_hears_of_the_last_and_we_of_the_one_that_fits() {
        let dialpad = crate::providers::find("dialpad").unwrap();
        let secrets = ["the-right-secret", "a-newer-secret"].map(Secret::new).to_vec();
        let now = DateTime::from_timestamp(1_793_534_400, 0).unwrap();
        let body = dialpad.sign(r#"{"call_id":1,"exp":1793527200}"#, Some(&secrets[0]), now).body;
        let headers = actix_web::http::header::HeaderMap::new();
        let delivery = Delivery { query: "", headers: &headers, body: body.as_bytes() };
        for (secrets, told) in [
            (secrets.clone(), "not verified: the signature does not fit"),
            (secrets.into_iter().rev().collect(), "not verified: the JWT has expired"),
        ] {
            let credentials = Credentials { secrets, ..Credentials::default() };
            let refusal = verify_webhook(dialpad, &delivery, &credentials, now).unwrap_err();
            assert_eq!(refusal.to_string(), told);
            let inward = "not verified: the signature is right, its time is off by 2 h (behind our clock)";
            assert_eq!(refusal.inward(), inward);
        }
    }

    #[test]
    fn only_we_are_told_that_the_signature_is_right() {
        let told = "the signature's timestamp is more than five minutes away";
        for (seconds, off) in [
            (7_200, "2 h (behind our clock)"),
            (-7_199, "2 h (ahead of our clock)"),
            (301, "5 min (behind our clock)"),
            (-90, "90 s (ahead of our clock)"),
            (200_000, "2 d (behind our clock)"),
        ] {
            let refusal = Refusal::OffTime { told, late: TimeDelta::seconds(seconds) };
            assert_eq!(refusal.to_string(), Refusal::NotProven(told).to_string());
            assert_eq!(refusal.inward(), format!("not verified: the signature is right, its time is off by {off}"));
        }
    }
}
