//! Verification: the one table. What a platform can do, what a source has, what a request carries and what it asks for
//! decide together what is answered. `docs/verification.md` is printed from it, and a test asks every cell.
//!
//! A request that asks about a person needs a credential that the platform sends for reading: a signature, a secret or a
//! static header, or a live token. A URL for sending is no key for reading; an address narrows and verifies nothing.

use super::Provider;

/// How a platform sends requests that wait for an answer while a caller is on the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LiveRequests {
    /// It sends none.
    None,
    /// As it signs its webhooks.
    Signed,
    /// Without a signature: with headers that one configures there.
    Unsigned,
}

/// What a platform can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PlatformClass {
    /// Whether it signs its webhooks.
    pub signs: bool,
    /// Its live requests.
    pub live: LiveRequests,
    /// Whether it asks by GET if the URL is ours before it sends anything.
    pub verifies_url: bool,
}

impl PlatformClass {
    /// The class of a platform.
    pub fn of(provider: &dyn Provider) -> Self {
        Self { signs: provider.signs(), live: provider.live_requests(), verifies_url: provider.shakes_hands() }
    }
}

/// What a source asks of its platform.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SourceHas {
    /// A secret: what the platform signs with, or, where it signs nothing, a token that it sends along.
    pub secret: bool,
    /// A static header.
    pub header: bool,
    /// A URL that cannot be guessed: a token in its path or its query.
    pub secret_url: bool,
    /// A token for live requests.
    pub live_token: bool,
    /// A verify token, for platforms that ask whether the URL is ours.
    pub verify_token: bool,
    /// A list of addresses that may send.
    pub addresses: bool,
    /// The word that webhooks need no verification.
    pub allow_unsigned: bool,
}

/// How a secret came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Carrier {
    /// As a signature over the body.
    Signature,
    /// In a header.
    Header,
    /// In the URL.
    Url,
}

/// What a request carries that is right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Carried {
    /// One of the source's secrets.
    pub secret: Option<Carrier>,
    /// The static header.
    pub header: bool,
    /// The token of the secret URL.
    pub url_token: bool,
    /// The token for live requests.
    pub live_token: bool,
    /// The verify token.
    pub verify_token: bool,
    /// An address that may send.
    pub address: bool,
    /// The name of the tool within the body, which a signature covers; a URL is covered by none.
    pub names_tool: bool,
}

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Asked {
    /// That an event is stored.
    Webhook,
    /// Who is calling.
    LiveAnswer,
    /// That a tool is run during the call.
    ToolCall,
    /// Which tools there are: names and schemas, nobody's data.
    ToolList,
    /// Whether the URL is ours.
    UrlVerification,
    /// Whether something is here.
    Status,
}

/// What verified a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum VerifiedBy {
    /// One of the source's secrets.
    Secret,
    /// The static header.
    Header,
    /// The token of the secret URL.
    SecretUrl,
    /// The token for live requests.
    LiveToken,
    /// The verify token.
    VerifyToken,
    /// Nothing: the source accepts unsigned webhooks.
    Unsigned,
    /// Nothing: nothing is stored, and nobody is named.
    NothingAsked,
}

/// What a request lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Lacks {
    /// The address is not on the list.
    #[error("this address may not send to this source")]
    Address,
    /// The secret: the platform's own check says more.
    #[error("the signature or the token is missing or wrong")]
    Secret,
    /// The static header.
    #[error("the static header is missing or wrong")]
    Header,
    /// The token of the secret URL.
    #[error("this source is reached by its secret URL: the token belongs in the path, or in ?token=")]
    SecretUrl,
    /// The token for live requests.
    #[error("live requests to this source need its live token: Authorization: Bearer, X-Webhook-Token, or in the URL")]
    LiveToken,
    /// A credential that reads; what the source has is for sending.
    #[error("this source answers no live requests: give it a live token")]
    LiveCredential,
    /// The name of the tool in the body.
    #[error(
        "the signature does not cover the tool's name in the URL: let the platform send name and call with the arguments, to the \
         URL that ends in /function"
    )]
    ToolName,
    /// The verify token.
    #[error("the verify token is missing or wrong")]
    VerifyToken,
    /// Anything at all: the source has nothing that could verify.
    #[error("the source has no secret, and does not allow unsigned requests")]
    AnySecret,
}

/// What is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is done.
    Accepted(VerifiedBy),
    /// 401.
    Unverified(Lacks),
    /// 403.
    Forbidden(Lacks),
    /// 404: the platform asks no such thing.
    NotServed,
}

/// The table.
pub fn verify(platform: PlatformClass, source: SourceHas, carried: Carried, asked: Asked) -> Verdict {
    if source.addresses && !carried.address {
        return Verdict::Forbidden(Lacks::Address);
    }
    let sends_no_live_requests = platform.live == LiveRequests::None;
    match asked {
        Asked::LiveAnswer | Asked::ToolCall | Asked::ToolList if sends_no_live_requests => Verdict::NotServed,
        Asked::Webhook => webhook(source, carried),
        Asked::LiveAnswer => live(platform, source, carried, true),
        Asked::ToolCall => live(platform, source, carried, carried.names_tool),
        Asked::UrlVerification if platform.verifies_url => match source.verify_token && carried.verify_token {
            true => Verdict::Accepted(VerifiedBy::VerifyToken),
            false => Verdict::Forbidden(Lacks::VerifyToken),
        },
        Asked::ToolList | Asked::UrlVerification | Asked::Status => Verdict::Accepted(VerifiedBy::NothingAsked),
    }
}

/// Stores an event. The strongest that the source has is asked for; a static header always.
fn webhook(source: SourceHas, carried: Carried) -> Verdict {
    let needs = |is_there: bool, by: VerifiedBy, lacks: Lacks| match is_there {
        true => Verdict::Accepted(by),
        false => Verdict::Unverified(lacks),
    };
    match source {
        SourceHas { header: true, .. } if !carried.header => Verdict::Unverified(Lacks::Header),
        SourceHas { secret: true, .. } => needs(carried.secret.is_some(), VerifiedBy::Secret, Lacks::Secret),
        SourceHas { header: true, .. } => Verdict::Accepted(VerifiedBy::Header),
        SourceHas { secret_url: true, .. } => needs(carried.url_token, VerifiedBy::SecretUrl, Lacks::SecretUrl),
        SourceHas { allow_unsigned: true, .. } => Verdict::Accepted(VerifiedBy::Unsigned),
        _ => Verdict::Unverified(Lacks::AnySecret),
    }
}

/// Answers about a person. `is_covered`: whether a signature covers all of what is asked.
fn live(platform: PlatformClass, source: SourceHas, carried: Carried, is_covered: bool) -> Verdict {
    let is_signed = platform.live == LiveRequests::Signed;
    // Where there is a credential for reading, nothing else reads.
    if source.live_token && !is_signed {
        return match carried.live_token {
            true => Verdict::Accepted(VerifiedBy::LiveToken),
            false => Verdict::Unverified(Lacks::LiveToken),
        };
    }
    // A platform that does not sign its live requests sends the static header with them.
    if source.header {
        match carried.header {
            false => return Verdict::Unverified(Lacks::Header),
            true if !is_signed || !source.secret => return Verdict::Accepted(VerifiedBy::Header),
            true => {}
        }
    }
    match carried.secret {
        _ if !source.secret => Verdict::Unverified(Lacks::LiveCredential),
        Some(Carrier::Signature) if !is_covered => Verdict::Unverified(Lacks::ToolName),
        Some(Carrier::Signature) => Verdict::Accepted(VerifiedBy::Secret),
        Some(Carrier::Header) if is_signed => Verdict::Accepted(VerifiedBy::Secret),
        // Where nothing is signed it is a token that stands in the URL for sending, whatever it is sent in here.
        Some(Carrier::Header) => Verdict::Unverified(Lacks::LiveCredential),
        // A secret in a URL is a URL for sending.
        Some(Carrier::Url) => Verdict::Unverified(Lacks::LiveCredential),
        None => Verdict::Unverified(Lacks::Secret),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_live_requests_are_not_signed_a_secret_for_webhooks_reads_nothing() {
        let platform = PlatformClass { signs: false, live: LiveRequests::Unsigned, verifies_url: false };
        let source = SourceHas { secret: true, secret_url: true, ..SourceHas::default() };
        for carrier in [Carrier::Header, Carrier::Url] {
            let carried = Carried { secret: Some(carrier), url_token: true, names_tool: true, ..Carried::default() };
            assert_eq!(verify(platform, source, carried, Asked::Webhook), Verdict::Accepted(VerifiedBy::Secret));
            for asked in [Asked::LiveAnswer, Asked::ToolCall] {
                let verdict = verify(platform, source, carried, asked);
                assert_eq!(verdict, Verdict::Unverified(Lacks::LiveCredential), "{carrier:?} {asked:?}");
            }
        }
    }
}
