//! Every page, in one list: light and dark, with script and without, with script in every stored text.

use std::collections::BTreeSet;

use serde_json::json;
use switchhook::access::Role;
use switchhook::{api, dashboard};

use super::{Browser, axe, desk, docs};
use crate::support::TestApp;

/// How wide windows are.
const WIDTHS: [u32; 2] = [1280, 390];
/// Elements that only a stored text could have made, and links that would run.
const MADE: &str = "img[src='x'], script:not([src]), b[onclick], [href^='javascript:' i], [src^='javascript:' i]";

/// A page.
struct Page {
    /// Where it is, with ids of the desk.
    path: String,
    /// The rules of axe that it may break, because it is not ours.
    theirs: &'static [&'static str],
    /// Whether people read stored texts on it.
    shows_texts: bool,
}

/// What is served under a route.
enum Served {
    /// A page, at this path with ids of the desk, that shows nothing that people said.
    Plain(&'static str),
    /// A page that shows what people said.
    Texts(&'static str),
    /// The viewer of the document, which is not ours.
    Viewer,
    /// A file, rows, a stream, or a way to another page.
    NoPage,
}

/// Every route that is read. One without an entry fails, and so does an entry without a route.
const SERVED: [(&str, Served); 39] = [
    ("/api/v1/docs", Served::Viewer),
    ("/api/v1/docs/{file}", Served::NoPage),
    ("/", Served::NoPage),
    ("/sign-in", Served::Plain("/sign-in")),
    ("/sign-in/code", Served::NoPage),
    ("/sign-in/second-factor", Served::NoPage),
    ("/account", Served::Plain("/account")),
    ("/sign-in/oidc", Served::NoPage),
    ("/sign-in/oidc/callback", Served::NoPage),
    ("/calls", Served::Texts("/calls")),
    ("/calls.csv", Served::NoPage),
    ("/calls/{id}", Served::Texts("/calls/{call}")),
    ("/calls/{id}/recordings/{recording}", Served::NoPage),
    ("/unattributed", Served::Texts("/unattributed")),
    ("/operations", Served::Texts("/operations")),
    ("/operations/events", Served::Texts("/operations/events")),
    ("/operations/events/{id}", Served::Texts("/operations/events/{event}?payload=1")),
    ("/operations/confirm", Served::Plain("/operations/confirm?do=discard")),
    ("/operations/jobs", Served::Texts("/operations/jobs")),
    ("/operations/jobs/{id}", Served::Texts("/operations/jobs/{job}?payload=1")),
    ("/operations/jobs/confirm", Served::Plain("/operations/jobs/confirm?kind=send_alert")),
    ("/operations/rejections", Served::Texts("/operations/rejections")),
    ("/operations/rejections/reverify", Served::Plain("/operations/rejections/reverify")),
    ("/overview", Served::Plain("/overview?range=30")),
    ("/campaigns", Served::Texts("/campaigns?range=30")),
    ("/campaigns/{id}", Served::Texts("/campaigns/00000000-0000-0000-0000-0000ca3a0001?range=30")),
    ("/leads", Served::Texts("/leads")),
    ("/leads.csv", Served::NoPage),
    ("/leads/{id}", Served::Texts("/leads/{lead}")),
    ("/setup", Served::Plain("/setup")),
    ("/setup/connections", Served::Plain("/setup/connections")),
    ("/setup/numbers", Served::Texts("/setup/numbers")),
    ("/setup/agents", Served::Texts("/setup/agents")),
    ("/setup/campaigns", Served::Texts("/setup/campaigns")),
    ("/setup/tenants", Served::Plain("/setup/tenants")),
    ("/setup/tokens", Served::Plain("/setup/tokens")),
    ("/setup/users", Served::Plain("/setup/users")),
    ("/setup/audit", Served::Plain("/setup/audit")),
    ("/setup/audit.csv", Served::NoPage),
];

/// The patterns of all that is read.
fn read() -> BTreeSet<&'static str> {
    let viewer = api::ROUTES.iter().filter(|route| route.path.contains("/docs"));
    let routes = viewer.chain(dashboard::ROUTES.iter());
    routes.filter(|route| route.method == "GET").map(|route| route.path).collect()
}

/// Every page that is served.
fn pages() -> Vec<Page> {
    let path = |pattern: &str| {
        let ids = [("{call}", desk::CALL), ("{lead}", desk::LEAD), ("{event}", desk::EVENT), ("{job}", desk::JOB)];
        ids.iter().fold(pattern.to_owned(), |path, (name, id)| path.replace(name, &id.to_string()))
    };
    let page = |(pattern, served): &(&str, Served)| match served {
        Served::Plain(at) => Some(Page { path: path(at), theirs: &[], shows_texts: false }),
        Served::Texts(at) => Some(Page { path: path(at), theirs: &[], shows_texts: true }),
        Served::Viewer => Some(Page { path: path(pattern), theirs: &docs::THEIRS, shows_texts: false }),
        Served::NoPage => None,
    };
    SERVED.iter().filter_map(page).collect()
}

#[test]
fn every_route_that_is_read_has_one_entry_here_and_every_entry_a_route() {
    let named: Vec<&str> = SERVED.iter().map(|(pattern, _)| *pattern).collect();
    let distinct: BTreeSet<&str> = named.iter().copied().collect();
    assert_eq!(distinct.len(), named.len(), "an entry stands here twice");
    let read = read();
    let unknown: Vec<_> = read.difference(&distinct).collect();
    assert!(
        unknown.is_empty(),
        "new pages: say here where they are, and whether they show what people said: {unknown:?}"
    );
    let stale: Vec<_> = distinct.difference(&read).collect();
    assert!(stale.is_empty(), "no longer pages: {stale:?}");
}

/// A name for pictures.
fn name(page: &Page) -> String {
    let name: Vec<&str> = page.path.split(|c: char| !c.is_alphanumeric()).filter(|part| !part.is_empty()).collect();
    if name.is_empty() { "home".to_owned() } else { name.join("-") }
}

async fn open(browser: &Browser, page: &Page) {
    browser.open(&page.path).await;
    let is_there = "return document.title !== '' && document.querySelector('main') !== null";
    browser.wait_until(is_there, json!([])).await;
}

async fn at_work(app: &TestApp) -> Option<Browser> {
    Browser::start_as(app, Role::Admin).await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_can_be_used_by_everybody_light_and_dark() {
    let app = desk::with_work().await;
    let Some(browser) = at_work(&app).await else { return };
    for page in pages() {
        for is_dark in [false, true] {
            browser.set_dark(is_dark).await;
            open(&browser, &page).await;
            let what = format!("{} {}", page.path, if is_dark { "dark" } else { "light" });
            axe::assert_usable_but_for(&browser, &what, page.theirs).await;
        }
        // On a telephone nothing but a table's own box is scrolled sideways.
        browser.set_size(390, 800).await;
        open(&browser, &page).await;
        let width = browser.script("return document.documentElement.scrollWidth", json!([])).await;
        assert!(width.as_u64().unwrap() <= 390, "{} is {width} wide on a telephone", page.path);
        browser.set_size(1280, 900).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_read_without_script() {
    let app = desk::with_work().await;
    let Some(browser) = at_work(&app).await else { return };
    browser.set_script(false).await;
    for page in pages() {
        browser.open(&page.path).await;
        let seen = browser.text("body").await;
        assert!(seen.trim().len() > 40, "{} says nothing without script: {seen:?}", page.path);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn script_in_stored_texts_is_text_on_every_page() {
    let app = desk::with_work().await;
    desk::spoil(&app).await;
    let columns = [
        ("calls", "provider"),
        ("calls", "summary"),
        ("calls", "transcript"),
        ("calls", "transcript_turns::text"),
        ("calls", "agent_name"),
        ("calls", "provider_status"),
        ("leads", "name"),
        ("leads", "tags::text"),
        ("campaigns", "name"),
        ("messages", "body"),
        ("lead_notes", "body"),
        ("webhook_events", "payload::text"),
        ("webhook_events", "last_error"),
        ("jobs", "last_error"),
        ("rejections", "reason"),
        ("incidents", "summary"),
        ("agents", "name"),
        ("phone_numbers", "label"),
        ("tenants", "name"),
    ];
    for (table, column) in columns {
        let spoilt = app.value(&format!("select count(*) from {table} where {column} like '%window.hit%'")).await;
        assert!(spoilt.as_u64().unwrap() > 0, "{table}.{column} was left as it was");
    }
    let Some(browser) = at_work(&app).await else { return };
    for page in pages() {
        open(&browser, &page).await;
        assert_eq!(browser.count(MADE).await, 0, "{}: a stored text became an element", page.path);
        let hit = browser.script("return window.hit === undefined", json!([])).await;
        assert_eq!(hit, true, "{}: a stored text was run", page.path);
        // It is seen, so it was there to be run.
        let is_seen = browser.text("body").await.contains("window.hit=1");
        assert!(is_seen || !page.shows_texts, "{}: the texts are not shown", page.path);
    }
}

/// `make screenshots`: every page, light and dark, wide and narrow, into `target/screenshots/`.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "pictures are for people to look at"]
async fn screenshots() {
    let app = desk::with_work().await;
    let Some(browser) = at_work(&app).await else { return };
    for page in pages() {
        for width in WIDTHS {
            for is_dark in [false, true] {
                browser.set_size(width, 900).await;
                browser.set_dark(is_dark).await;
                open(&browser, &page).await;
                let scheme = if is_dark { "dark" } else { "light" };
                let picture = browser.screenshot(&format!("{}-{width}-{scheme}", name(&page))).await;
                println!("{}", picture.display());
            }
        }
    }
}
