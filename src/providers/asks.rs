//! The table of verification in words: what a request to a source must carry, found by asking the table.

use super::verification::{Asked, Carried, Carrier, PlatformClass, SourceHas, Verdict, verify};
use super::{Provider, find};
use crate::store::roster::connections::ConnectionRow;

/// What a request may carry, one at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Item {
    Secret(Carrier),
    Header,
    UrlToken,
    LiveToken,
    VerifyToken,
    ToolName,
}

impl Item {
    fn as_str(self) -> &'static str {
        match self {
            Self::Secret(Carrier::Signature) => "signature",
            Self::Secret(Carrier::Header) => "secret in a header",
            Self::Secret(Carrier::Url) => "secret in ?token=",
            Self::Header => "static header",
            Self::UrlToken => "secret URL",
            Self::LiveToken => "live token",
            Self::VerifyToken => "verify token",
            Self::ToolName => "tool named in the body",
        }
    }

    fn put(self, carried: &mut Carried) {
        match self {
            Self::Secret(carrier) => carried.secret = Some(carrier),
            Self::Header => carried.header = true,
            Self::UrlToken => carried.url_token = true,
            Self::LiveToken => carried.live_token = true,
            Self::VerifyToken => carried.verify_token = true,
            Self::ToolName => carried.names_tool = true,
        }
    }
}

/// What a request must carry, in words: `signature`, `static header and signature`, `nothing`, `never`.
pub fn needs(platform: PlatformClass, source: SourceHas, asked: Asked) -> String {
    let mut ways: Vec<Vec<Item>> = Vec::new();
    let items = items(platform, source);
    let mut subsets: Vec<Vec<Item>> = (0..1_u32 << items.len())
        .map(|bits| items.iter().enumerate().filter(|(at, _)| bits >> at & 1 == 1).map(|(_, item)| *item).collect())
        .collect();
    subsets.sort_by_key(Vec::len);
    for subset in subsets {
        // A smaller set does as well.
        if ways.iter().any(|way| way.iter().all(|item| subset.contains(item))) {
            continue;
        }
        let mut carried = Carried { address: true, ..Carried::default() };
        subset.iter().for_each(|item| item.put(&mut carried));
        match verify(platform, source, carried, asked) {
            Verdict::Accepted(_) => ways.push(subset),
            Verdict::NotServed => return "not asked by this platform".to_owned(),
            Verdict::Unverified(_) | Verdict::Forbidden(_) => {}
        }
    }
    let way = |way: &Vec<Item>| match way.as_slice() {
        [] => "nothing".to_owned(),
        items => items.iter().map(|item| item.as_str()).collect::<Vec<_>>().join(" and "),
    };
    match ways.is_empty() {
        true => "never".to_owned(),
        false => ways.iter().map(way).collect::<Vec<_>>().join(", or "),
    }
}

/// What a listed source needs of webhooks and of live requests.
pub fn needs_of(row: &ConnectionRow) -> (String, String) {
    let Some(provider) = find(&row.provider) else { return ("never".to_owned(), "never".to_owned()) };
    let (platform, source) = (PlatformClass::of(provider), has(row));
    (needs(platform, source, Asked::Webhook), live_needs(provider, source))
}

fn live_needs(provider: &dyn Provider, source: SourceHas) -> String {
    needs(PlatformClass::of(provider), source, Asked::LiveAnswer)
}

/// What a listed source has.
pub fn has(row: &ConnectionRow) -> SourceHas {
    SourceHas {
        secret: row.live_secrets > 0,
        header: row.header_name.is_some(),
        secret_url: row.url_is_secret && row.url_tokens > 0,
        live_token: row.live_tokens > 0,
        verify_token: row.has_verify_token,
        addresses: !row.allowed_addresses.is_empty(),
        allow_unsigned: row.allow_unsigned,
    }
}

fn items(platform: PlatformClass, source: SourceHas) -> Vec<Item> {
    let mut items = Vec::new();
    if source.header {
        items.push(Item::Header);
    }
    if source.secret && platform.signs {
        items.push(Item::Secret(Carrier::Signature));
    } else if source.secret {
        items.extend([Item::Secret(Carrier::Header), Item::Secret(Carrier::Url)]);
    }
    let others = [
        (source.secret_url, Item::UrlToken),
        (source.live_token, Item::LiveToken),
        (source.verify_token, Item::VerifyToken),
        (true, Item::ToolName),
    ];
    items.extend(others.into_iter().filter(|(is_there, _)| *is_there).map(|(_, item)| item));
    items
}
