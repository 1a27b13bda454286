//! What holds the pages to account, held to account itself: each check fails where it should.

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::page::downloaded;
use super::{Browser, axe};

/// A page with a fault of every sort, and a policy.
const PAGE: &str = r#"<!doctype html><html lang="en"><title>Stub</title><main><h1>Hello שלום</h1>
<style>a { color: inherit } body { color: #000; background: #fff } @media (prefers-color-scheme: dark) { body { color: #fff; background: #000 } }</style>
<form action="/said"><label>Name <input name="name"></label><button>Say it</button></form>
<ul><li>one</li><li>two</li></ul><p><a href="/rows.csv" download>Rows</a></p>
<noscript><p id="off">script is off</p></noscript></main></html>"#;
const FAULTY: &str = r#"<!doctype html><html lang="en"><title>Faulty</title><main><h1>Faulty</h1>
<img src="data:image/gif;base64,R0lGODlhAQABAAAAACw="><script>document.title = "ran"</script></main></html>"#;

/// A server that knows two pages.
async fn serve() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut request = vec![0; 8192];
                let read = socket.read(&mut request).await.unwrap_or(0);
                let head = String::from_utf8_lossy(&request[..read]).into_owned();
                let html = "text/html; charset=utf-8";
                let (content_type, policy, page) = match head.split_whitespace().nth(1).unwrap_or_default() {
                    "/faulty" => (html, "script-src 'none'", FAULTY),
                    "/rows.csv" => ("text/csv", "default-src 'none'", "a,b\r\n1,2\r\n"),
                    _ => (html, "style-src 'unsafe-inline'", PAGE),
                };
                let answer = format!(
                    "HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nContent-Security-Policy: {policy}\r\n\
                     Content-Length: {}\r\nConnection: close\r\n\r\n{page}",
                    page.len()
                );
                socket.write_all(answer.as_bytes()).await.ok();
            });
        }
    });
    base
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_opened_filled_in_and_read() {
    let Some(browser) = Browser::start(&serve().await).await else { return };
    browser.open("/").await;
    assert_eq!(browser.text("h1").await, "Hello שלום");
    assert_eq!(browser.count("#off").await, 0);
    assert_eq!(browser.texts("li").await, ["one", "two"]);
    let folder = tempfile::tempdir().unwrap();
    browser.download_into(folder.path()).await;
    browser.click_text("Rows").await;
    assert_eq!(downloaded(&folder.path().join("rows.csv")).await, "a,b\r\n1,2\r\n");
    browser.fill("input", "Dan").await;
    browser.press("a\u{e004}\u{e007}").await;
    browser.wait_until("return location.search === '?name=Dana'", json!([])).await;
    assert_eq!(browser.path().await, "/said?name=Dana");
    browser.back().await;
    let color = "return getComputedStyle(document.body).backgroundColor";
    assert_eq!(browser.script(color, json!([])).await, "rgb(255, 255, 255)");
    browser.set_dark(true).await;
    browser.set_size(390, 800).await;
    browser.set_script(false).await;
    browser.open("/").await;
    assert_eq!(browser.script(color, json!([])).await, "rgb(0, 0, 0)");
    assert_eq!(browser.script("return innerWidth", json!([])).await, 390);
    assert_eq!(browser.text("#off").await, "script is off");
    browser.set_script(true).await;
    browser.open("/").await;
    axe::assert_usable(&browser, "the stub").await;
    let picture = browser.screenshot("harness/stub").await;
    assert!(std::fs::metadata(picture).unwrap().len() > 1000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_breaks_its_policy_fails_and_axe_finds_what_is_wrong() {
    let Some(browser) = Browser::start(&serve().await).await else { return };
    browser.expect_error("Content Security Policy");
    browser.open("/faulty").await;
    // The page's script may not run; a test's may.
    assert_eq!(browser.script("return document.title", json!([])).await, "Faulty");
    if let Some(found) = axe::faults(&browser).await {
        assert!(found.iter().any(|fault| fault["rule"] == "image-alt" && fault["impact"] == "critical"), "{found:?}");
    }
    drop(browser);
    // The next test has a browser as good as new, and is told of errors that it does not expect.
    let failed = tokio::spawn(async {
        let browser = Browser::start(&serve().await).await.unwrap();
        browser.open("/faulty").await;
    })
    .await;
    let message = failed.unwrap_err().into_panic();
    let message = message.downcast_ref::<String>().unwrap();
    assert!(message.contains("Content Security Policy"), "{message}");
}
