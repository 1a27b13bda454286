//! The table of verification, asked cell by cell over HTTP; and the document that is printed from it.

use std::fmt::Write;

use chrono::{DateTime, Utc};
use serde_json::json;
use switchhook::providers::{
    self, Asked, Carried, Carrier, LiveRequests, Outgoing, PlatformClass, Provider, SourceHas, Verdict, needs, verify,
};
use switchhook::redact::Secret;
use switchhook::store::source_tokens::TokenUse;
use uuid::Uuid;

use crate::support::{Answer, TENANT, TestApp};

/// What a source has, by the name of the row in the document.
const SOURCES: &[(&str, SourceHas)] = &[
    ("a secret", SourceHas { secret: true, ..NOTHING }),
    ("a static header", SourceHas { header: true, ..NOTHING }),
    ("a secret and a static header", SourceHas { secret: true, header: true, ..NOTHING }),
    ("a secret URL", SourceHas { secret_url: true, ..NOTHING }),
    ("a secret and a live token", SourceHas { secret: true, live_token: true, ..NOTHING }),
    ("a secret URL and a live token", SourceHas { secret_url: true, live_token: true, ..NOTHING }),
    ("allow_unsigned", SourceHas { allow_unsigned: true, ..NOTHING }),
    ("allow_unsigned and an address list", SourceHas { allow_unsigned: true, addresses: true, ..NOTHING }),
    ("an address list alone", SourceHas { addresses: true, ..NOTHING }),
    ("nothing", NOTHING),
];
const NOTHING: SourceHas = SourceHas {
    secret: false,
    header: false,
    secret_url: false,
    live_token: false,
    verify_token: false,
    addresses: false,
    allow_unsigned: false,
};
const ASKED: [(&str, Asked); 6] = [
    ("a webhook", Asked::Webhook),
    ("a live answer", Asked::LiveAnswer),
    ("a tool call", Asked::ToolCall),
    ("the list of tools", Asked::ToolList),
    ("URL verification", Asked::UrlVerification),
    ("status", Asked::Status),
];
/// The path that existing integrations use.
const ALIASES: [(&str, &str); 2] = [("voicenter", "cdr"), ("bolna", "lifecycle")];
const SECRET: &str = "key_of_the_platform";
const HEADER: &str = "value-of-the-static-header";
const URL_TOKEN: &str = "token-in-the-secret-url";
const LIVE_TOKEN: &str = "token-of-live-requests";
const VERIFY_TOKEN: &str = "token-of-url-verification";
const PHONE: &str = "+15550100001";

/// How a URL is shaped.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Shape {
    /// `/webhooks/<platform>`
    Bare,
    /// `/webhooks/<platform>/<alias>`
    Alias(&'static str),
    /// `/webhooks/<platform>/<name>`
    Named,
    /// `/webhooks/<platform>/<token>`
    Token(&'static str),
    /// `/webhooks/<platform>/<name>/<token>`
    NamedToken(&'static str),
    /// `/webhooks/<platform>/<alias>/<token>`
    AliasToken(&'static str, &'static str),
    /// `/webhooks/<platform>?token=<token>`
    Query(&'static str),
}

impl Shape {
    fn all(provider: &str) -> Vec<Self> {
        let alias = ALIASES.iter().find(|(name, _)| *name == provider).map(|(_, alias)| *alias);
        let mut all = vec![Self::Bare, Self::Named];
        all.extend(alias.map(Self::Alias));
        for token in [URL_TOKEN, LIVE_TOKEN] {
            all.extend([Self::Token(token), Self::NamedToken(token), Self::Query(token)]);
            all.extend(alias.map(|alias| Self::AliasToken(alias, token)));
        }
        all
    }

    fn path(self, provider: &str) -> String {
        match self {
            Self::Bare | Self::Query(_) => format!("/webhooks/{provider}"),
            Self::Alias(name) | Self::Token(name) => format!("/webhooks/{provider}/{name}"),
            Self::Named => format!("/webhooks/{provider}/default"),
            Self::NamedToken(token) => format!("/webhooks/{provider}/default/{token}"),
            Self::AliasToken(alias, token) => format!("/webhooks/{provider}/{alias}/{token}"),
        }
    }

    fn token(self) -> Option<&'static str> {
        match self {
            Self::Bare | Self::Alias(_) | Self::Named => None,
            Self::Token(token) | Self::NamedToken(token) | Self::AliasToken(_, token) | Self::Query(token) => {
                Some(token)
            }
        }
    }
}

/// What a request carries beside its URL.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Sends {
    /// A stranger.
    Nothing,
    /// All that the platform is told to send, the live token left out.
    Everything,
    /// The live token in a header.
    LiveToken,
}

fn class(provider: &dyn Provider) -> PlatformClass {
    PlatformClass::of(provider)
}

/// The body of what is asked, in a form that the platform's question is found in.
fn body(provider: &str, asked: Asked, call: usize) -> String {
    match asked {
        Asked::LiveAnswer if provider == "retell" => {
            json!({ "event": "call_inbound", "call_inbound": { "from_number": PHONE, "to_number": "+15550100099" } })
        }
        Asked::LiveAnswer if provider == "elevenlabs" => json!({
            "caller_id": PHONE, "agent_id": "a", "called_number": "+15550100099", "call_sid": format!("CA{call}") }),
        Asked::LiveAnswer => {
            json!({ "event": "caller_lookup", "contact_number": PHONE, "execution_id": format!("e{call}") })
        }
        Asked::ToolCall => json!({
            "name": "lookup_customer", "args": {}, "call": { "call_id": format!("c{call}"), "from_number": PHONE } }),
        _ => json!({ "n": call }),
    }
    .to_string()
}

struct Cell {
    shape: Shape,
    sends: Sends,
    asked: Asked,
    source: SourceHas,
}

impl Cell {
    /// What the table says; `None`: no source is reached.
    fn wanted(&self, provider: &dyn Provider) -> u16 {
        let known = |token: &str| match token {
            URL_TOKEN => self.source.secret_url,
            _ => self.source.live_token,
        };
        if let Shape::Token(token) = self.shape
            && !known(token)
        {
            return 404;
        }
        let (everything, token) = (self.sends == Sends::Everything, self.shape.token().filter(|token| known(token)));
        let carrier = if provider.signs() { Carrier::Signature } else { Carrier::Header };
        let carried = Carried {
            secret: (everything && self.source.secret).then_some(carrier),
            header: everything && self.source.header,
            url_token: token == Some(URL_TOKEN),
            live_token: self.source.live_token && (token == Some(LIVE_TOKEN) || self.sends == Sends::LiveToken),
            verify_token: everything && self.source.verify_token,
            // The list that the test gives holds no address of this machine.
            address: !self.source.addresses,
            names_tool: true,
        };
        match verify(class(provider), self.source, carried, self.asked) {
            Verdict::Accepted(_) => 200,
            Verdict::Unverified(_) => 401,
            Verdict::Forbidden(_) => 403,
            Verdict::NotServed => 404,
        }
    }

    async fn ask(&self, app: &TestApp, provider: &dyn Provider, call: usize) -> Answer {
        let name = provider.name();
        let rest = match self.asked {
            Asked::LiveAnswer => "/inbound",
            Asked::ToolCall => "/function",
            Asked::ToolList => "/functions",
            Asked::Webhook | Asked::UrlVerification | Asked::Status => "",
        };
        // The bare platform has no paths for live requests: they are told apart by what they say.
        let rest = if matches!(self.shape, Shape::Bare | Shape::Query(_)) && self.asked != Asked::ToolList {
            ""
        } else {
            rest
        };
        let mut url = format!("{}{}{rest}", app.base, self.shape.path(name));
        let mut query = Vec::new();
        if let Shape::Query(token) = self.shape {
            query.push(format!("token={token}"));
        }
        if self.asked == Asked::UrlVerification && provider.shakes_hands() {
            let token = if self.sends == Sends::Everything { VERIFY_TOKEN } else { "a-guess-of-a-stranger" };
            query.push(format!("hub.mode=subscribe&hub.challenge=7&hub.verify_token={token}"));
        }
        if !query.is_empty() {
            url = format!("{url}?{}", query.join("&"));
        }
        let is_get = matches!(self.asked, Asked::ToolList | Asked::UrlVerification | Asked::Status);
        let secret = (self.sends == Sends::Everything && self.source.secret).then(|| Secret::new(SECRET));
        let text = body(name, self.asked, call);
        let Outgoing { body, content_type, headers } = provider.sign(&text, secret.as_ref(), app.clock.now());
        let request = match is_get {
            true => app.client.get(url),
            false => app.client.post(url).header("content-type", content_type).body(body),
        };
        let mut request = headers.into_iter().fold(request, |request, (name, value)| request.header(name, value));
        if self.sends == Sends::Everything {
            request = request.header("X-Static", HEADER);
        }
        if self.sends == Sends::LiveToken {
            request = request.bearer_auth(LIVE_TOKEN);
        }
        TestApp::answer(request).await
    }
}

/// Gives the default source of a platform just this.
async fn give(app: &TestApp, provider: &dyn Provider, source: SourceHas) {
    let id = app.connection_id(provider.name());
    let header = if source.header { format!("'X-Static', '{HEADER}'") } else { "null, null".to_owned() };
    let addresses = if source.addresses { "{192.0.2.0/24}" } else { "{}" };
    app.execute(&format!(
        "delete from connection_secrets where connection_id = '{id}'; delete from source_tokens where source_id = '{id}';
         update connections set (header_name, header_value) = ({header}), url_is_secret = {}, allow_unsigned = {},
             allowed_addresses = '{addresses}' where id = '{id}'",
        source.secret_url, source.allow_unsigned
    ))
    .await;
    if source.secret {
        let add = "insert into connection_secrets (connection_id, secret) values";
        app.execute(&format!("{add} ('{id}', '{SECRET}')")).await;
    }
    for (is_there, usage, token) in
        [(source.secret_url, TokenUse::Webhook, URL_TOKEN), (source.live_token, TokenUse::Live, LIVE_TOKEN)]
    {
        if is_there {
            app.add_token(id, usage, token).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_cell_of_the_table_is_answered_as_it_says_and_nobody_is_named_without_verification() {
    let settings = [("HTTP__UNPROVEN_PER_MINUTE", "1000000"), ("HTTP__REJECTIONS_PER_MINUTE", "10")];
    let mut app = TestApp::spawn_with(&settings, providers::registry()).await;
    app.allow_broken_rows();
    // One token for every platform, so that a cell is a constant: no installation can have that.
    app.execute("alter table source_tokens drop constraint source_tokens_digest_key").await;
    crate::live::history(&app, &TENANT.to_string(), PHONE, "Zebulon").await;
    let key = app.keys.digests().unwrap();
    let whatsapp = app.connection_id("whatsapp");
    switchhook::store::roster::connections::set_verify_token(&app.pool, key, whatsapp, &Secret::new(VERIFY_TOKEN))
        .await
        .unwrap();
    let (mut cells, mut told) = (0, 0);
    for (title, source) in SOURCES {
        for provider in providers::ALL {
            give(&app, *provider, *source).await;
        }
        // A source that there is not makes the program read the sources again, no more often than every 200 ms.
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        TestApp::answer(app.client.get(format!("{}/webhooks/bolna/nobody", app.base))).await.assert_status(404);
        for provider in providers::ALL {
            let verify_token = provider.shakes_hands();
            for shape in Shape::all(provider.name()) {
                for (_, asked) in ASKED {
                    let is_bare = matches!(shape, Shape::Bare | Shape::Query(_));
                    if is_bare
                        && (asked == Asked::ToolList
                            || class(*provider).live == LiveRequests::None && asked != Asked::Webhook)
                    {
                        continue;
                    }
                    for sends in [Sends::Nothing, Sends::Everything, Sends::LiveToken] {
                        let cell = Cell { shape, sends, asked, source: SourceHas { verify_token, ..*source } };
                        cells += 1;
                        let answer = cell.ask(&app, *provider, cells).await;
                        let what = format!("{} with {title}, {shape:?}, {sends:?}, {asked:?}", provider.name());
                        // A GET with a query is an event to Voicenter.
                        if provider.reads_query() && matches!(shape, Shape::Query(_)) && asked != Asked::Webhook {
                            continue;
                        }
                        assert_eq!(answer.status, cell.wanted(*provider), "{what}: {}", answer.text);
                        // Whatever the table says: without a credential for reading nobody is named.
                        if answer.text.contains("Zebulon") {
                            told += 1;
                            let by_token =
                                source.live_token && (shape.token() == Some(LIVE_TOKEN) || sends == Sends::LiveToken);
                            let by_platform = sends == Sends::Everything && (source.secret || source.header);
                            assert!(by_token || by_platform, "{what}: {}", answer.text);
                            assert!(matches!(asked, Asked::LiveAnswer | Asked::ToolCall), "{what}");
                        }
                    }
                }
            }
        }
    }
    assert!(cells > 2_000 && told > 50, "{cells} cells, {told} told of a person");
}

/// The document, printed from the table.
fn document() -> String {
    let mut text = include_str!("../../docs/verification.head.md").to_owned();
    let mut classes: Vec<(PlatformClass, Vec<&str>)> = Vec::new();
    for provider in providers::ALL {
        let class = class(*provider);
        match classes.iter_mut().find(|(known, _)| *known == class) {
            Some((_, names)) => names.push(provider.name()),
            None => classes.push((class, vec![provider.name()])),
        }
    }
    for (class, names) in classes {
        let live = match class.live {
            LiveRequests::None => "sends no live requests",
            LiveRequests::Signed => "signs its live requests",
            LiveRequests::Unsigned => "does not sign its live requests",
        };
        let signs = if class.signs { "signs its webhooks" } else { "signs nothing" };
        let url = if class.verifies_url { ", and asks whether the URL is ours" } else { "" };
        writeln!(text, "\n### {}\n\nIt {signs}, {live}{url}.\n", names.join(", ")).unwrap();
        let titles: Vec<&str> = ASKED.iter().map(|(title, _)| *title).collect();
        writeln!(text, "| the source has | {} |\n|{}", titles.join(" | "), " --- |".repeat(titles.len() + 1)).unwrap();
        for (title, source) in SOURCES {
            let source = SourceHas { verify_token: class.verifies_url, ..*source };
            let needs: Vec<String> = ASKED.iter().map(|(_, asked)| needs(class, source, *asked)).collect();
            writeln!(text, "| {title} | {} |", needs.join(" | ")).unwrap();
        }
    }
    text
}

#[test]
fn the_document_of_verification_is_what_the_table_says() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/verification.md");
    if std::env::var_os("SWITCHHOOK_WRITE_DOCS").is_some() {
        std::fs::write(&path, document()).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == document(), "docs/verification.md is not fresh: make docs");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_that_does_not_cover_the_tools_name_runs_no_tool() {
    let app = TestApp::spawn().await;
    let retell = providers::find("retell").unwrap();
    // Arguments alone, as one captures them: the name is in the URL, which nothing signs.
    let body = json!({ "call_id": "c1", "from_number": PHONE, "note": "a" }).to_string();
    let sent = retell.sign(&body, app.secret(retell).as_ref(), app.clock.now());
    for tool in ["save_note", "lookup_customer", "cancel_appointment", "opt_out"] {
        let answer = app.send(&format!("/webhooks/retell/default/function/{tool}"), sent.clone()).await;
        assert!(answer.assert_status(401).text.contains("does not cover the tool's name"), "{}", answer.text);
    }
    assert_eq!(app.value("select count(*) from webhook_events").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_in_the_query_is_read_as_decoded_and_as_written() {
    let app = TestApp::spawn().await;
    let id: Uuid = app.connection_id("bolna");
    let secret = "a+secret/with=signs&more";
    let add = "update connections set url_is_secret = false where provider = 'bolna';
         insert into connection_secrets (connection_id, secret) values";
    app.execute(&format!("{add} ('{id}', '{secret}'), ('{id}', 'plain+and/written=so')")).await;
    let at: DateTime<Utc> = app.clock.now();
    let sent = providers::find("bolna").unwrap().sign(r#"{"id":"x1","status":"queued"}"#, None, at);
    let encoded = "a%2Bsecret%2Fwith%3Dsigns%26more";
    app.send(&format!("/webhooks/bolna/default?token={encoded}"), sent.clone()).await.assert_status(200);
    app.send("/webhooks/bolna/default?token=a%2Bsecret", sent.clone()).await.assert_status(401);
    app.send("/webhooks/bolna/default?token=plain+and/written=so", sent).await.assert_status(200);
}
