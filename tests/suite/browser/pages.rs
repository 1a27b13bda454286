//! Every page, in one list: light and dark, with script and without, with script in every stored text.

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

/// Every page that is served. A route without an entry fails.
fn pages() -> Vec<Page> {
    let viewer = api::ROUTES.iter().filter(|route| route.path.contains("/docs"));
    let routes = viewer.chain(dashboard::ROUTES.iter());
    let reads = routes.filter(|route| route.method == "GET");
    reads.filter_map(|route| page(route.path)).collect()
}

fn page(pattern: &str) -> Option<Page> {
    let page = |path: &str, shows_texts: bool| Some(Page { path: path.to_owned(), theirs: &[], shows_texts });
    match pattern {
        // Files, rows and streams are no pages.
        "/api/v1/docs/{file}" | "/leads.csv" => None,
        "/api/v1/docs" => Some(Page { path: pattern.to_owned(), theirs: &docs::THEIRS, shows_texts: false }),
        // To the calls.
        "/" => None,
        "/sign-in" => page(pattern, false),
        "/calls" | "/unattributed" => page(pattern, true),
        "/calls/{id}" => page(&format!("/calls/{}", desk::CALL), true),
        "/calls.csv" | "/calls/{id}/recordings/{recording}" => None,
        "/operations" | "/operations/events" | "/operations/jobs" | "/operations/rejections" => page(pattern, true),
        "/operations/events/{id}" => page(&format!("/operations/events/{}?payload=1", desk::EVENT), true),
        "/operations/jobs/{id}" => page(&format!("/operations/jobs/{}?payload=1", desk::JOB), true),
        "/operations/confirm" => page("/operations/confirm?do=discard", false),
        "/operations/jobs/confirm" => page("/operations/jobs/confirm?kind=send_alert", false),
        "/overview" => page("/overview?range=30", false),
        "/leads" => page(pattern, true),
        "/leads/{id}" => page(&format!("/leads/{}", desk::LEAD), true),
        "/campaigns" => page("/campaigns?range=30", true),
        "/campaigns/{id}" => page("/campaigns/00000000-0000-0000-0000-0000ca3a0001?range=30", true),
        "/setup" | "/setup/tenants" | "/setup/tokens" | "/setup/users" => page(pattern, false),
        "/setup/connections" => page(pattern, false),
        "/setup/numbers" | "/setup/agents" | "/setup/campaigns" => page(pattern, true),
        other => panic!("{other} is a new page: say here where it is, and whether it shows what people said"),
    }
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
