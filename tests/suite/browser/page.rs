//! A page in Chromium, as somebody uses it: look, click, type, read. What the page logs as an error fails the test.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use base64::Engine;
use serde_json::{Value, json};
use switchhook::access::Role;
use switchhook::store::tokens;

use super::driver::{Refusal, Session};
use crate::support::{TENANT, TestApp};

/// How long a page may take to become what is waited for.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often one looks.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// The key by which WebDriver names an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A Chromium at somebody's desk.
#[derive(Debug)]
pub struct Browser {
    session: Option<Session>,
    base: String,
    /// Parts of errors that the test provokes.
    expected: Mutex<Vec<String>>,
}

impl Browser {
    /// In front of this server. `None`: there is none on this machine, and that is well; the test ends.
    pub async fn start(base: &str) -> Option<Self> {
        let session = Session::borrow().await?;
        Some(Self { session: Some(session), base: base.to_owned(), expected: Mutex::default() })
    }

    /// In front of an app, and logged in as this role of its one tenant.
    pub async fn start_as(app: &TestApp, role: Role) -> Option<Self> {
        let browser = Self::start(&app.base).await?;
        browser.sign_in(app, role).await;
        Some(browser)
    }

    /// Logs in without the login page.
    pub async fn sign_in(&self, app: &TestApp, role: Role) {
        let token =
            tokens::add(&app.pool, app.keys.digests().unwrap(), Some(TENANT), role, "browser", None).await.unwrap().1;
        let body = json!({ "token": token.expose() });
        let answer = TestApp::answer(app.client.post(format!("{}/api/v1/session", self.base)).json(&body)).await;
        answer.assert_status(200);
        let cookie = answer.headers["set-cookie"].to_str().unwrap();
        let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
        let cookie = json!({ "url": self.base, "name": name, "value": value, "httpOnly": true, "sameSite": "Lax" });
        self.devtools("Network.setCookie", cookie).await;
    }

    /// Opens a path and waits until it is loaded.
    pub async fn open(&self, path: &str) {
        self.post("/url", json!({ "url": format!("{}{path}", self.base) })).await;
        self.assert_quiet().await;
    }

    /// The path and query of where one is.
    pub async fn path(&self) -> String {
        let url = self.session().get("/url").await.unwrap();
        url.as_str().unwrap().trim_start_matches(self.base.as_str()).to_owned()
    }

    /// Goes back.
    pub async fn back(&self) {
        self.post("/back", json!({})).await;
    }

    /// Clicks on the first that fits, once it can be clicked.
    pub async fn click(&self, css: &str) {
        self.act("css selector", css, "click", json!({})).await;
    }

    /// Clicks on the link, button, label or summary with this text.
    pub async fn click_text(&self, text: &str) {
        let is_one = "self::a or self::button or self::summary or self::label";
        let xpath = format!("//*[({is_one}) and normalize-space(.)={}]", quoted(text));
        self.act("xpath", &xpath, "click", json!({})).await;
    }

    /// Types into a field, in place of what stands there.
    pub async fn fill(&self, css: &str, text: &str) {
        self.act("css selector", css, "clear", json!({})).await;
        self.act("css selector", css, "value", json!({ "text": text })).await;
    }

    /// Presses keys at what has the focus. Special keys are characters such as `\u{e007}` (Enter), `\u{e00c}` (Escape).
    pub async fn press(&self, keys: &str) {
        let actions = keys
            .chars()
            .flat_map(|key| [json!({ "type": "keyDown", "value": key }), json!({ "type": "keyUp", "value": key })]);
        let keyboard = json!({ "type": "key", "id": "keyboard", "actions": actions.collect::<Vec<_>>() });
        self.post("/actions", json!({ "actions": [keyboard] })).await;
    }

    /// The text that one sees of the first that fits.
    pub async fn text(&self, css: &str) -> String {
        self.wait_for(css).await;
        self.script("return document.querySelector(arguments[0]).innerText", json!([css]))
            .await
            .as_str()
            .unwrap()
            .into()
    }

    /// The texts of all that fit.
    pub async fn texts(&self, css: &str) -> Vec<String> {
        let script = "return [...document.querySelectorAll(arguments[0])].map(found => found.innerText)";
        serde_json::from_value(self.script(script, json!([css])).await).unwrap()
    }

    /// How many fit.
    pub async fn count(&self, css: &str) -> u64 {
        self.script("return document.querySelectorAll(arguments[0]).length", json!([css])).await.as_u64().unwrap()
    }

    /// Waits for something to be there.
    pub async fn wait_for(&self, css: &str) {
        self.wait_until("return document.querySelector(arguments[0]) !== null", json!([css])).await;
    }

    /// Waits for a text to be seen.
    pub async fn wait_for_text(&self, text: &str) {
        self.wait_until("return document.body.innerText.includes(arguments[0])", json!([text])).await;
    }

    /// Waits until a script returns true.
    pub async fn wait_until(&self, script: &str, arguments: Value) {
        let start = Instant::now();
        let body = json!({ "script": script, "args": arguments });
        loop {
            let answer = self.session().post("/execute/sync", &body).await;
            match answer {
                Ok(Value::Bool(true)) => return,
                // A page that is being left has no script to run.
                _ if start.elapsed() < PATIENCE => tokio::time::sleep(LOOK_EVERY).await,
                _ => panic!("never became true: {script} {arguments}: {answer:?}\n{}", self.seen().await),
            }
        }
    }

    /// Runs a script in the page. It does not fall under the page's policy.
    pub async fn script(&self, script: &str, arguments: Value) -> Value {
        self.post("/execute/sync", json!({ "script": script, "args": arguments })).await
    }

    /// Runs a script that calls its last argument back.
    pub async fn script_async(&self, script: &str, arguments: Value) -> Value {
        self.post("/execute/async", json!({ "script": script, "args": arguments })).await
    }

    /// Turns the page's own script off or on, from the next page.
    pub async fn set_script(&self, is_on: bool) {
        self.devtools("Emulation.setScriptExecutionDisabled", json!({ "value": !is_on })).await;
    }

    /// Dark or light, as the system would say.
    pub async fn set_dark(&self, is_dark: bool) {
        let scheme = if is_dark { "dark" } else { "light" };
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.devtools("Emulation.setEmulatedMedia", json!({ "features": features })).await;
    }

    /// How large the window is.
    pub async fn set_size(&self, width: u32, height: u32) {
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.devtools("Emulation.setDeviceMetricsOverride", metrics).await;
    }

    /// Lets what is downloaded fall into this folder.
    pub async fn download_into(&self, folder: &Path) {
        let params = json!({ "behavior": "allow", "downloadPath": folder });
        self.devtools("Browser.setDownloadBehavior", params).await;
    }

    /// An error with this in it is what the test wants.
    pub fn expect_error(&self, part: &str) {
        self.expected.lock().unwrap().push(part.to_owned());
    }

    /// Keeps a picture of the whole page in `target/screenshots/`.
    pub async fn screenshot(&self, name: &str) -> PathBuf {
        picture(self.session(), name).await.unwrap()
    }

    /// Fails if the page has logged an error or broken its policy since this was last asked.
    pub async fn assert_quiet(&self) {
        let expected = self.expected.lock().unwrap().clone();
        let found = errors(self.session(), &expected).await;
        assert!(found.is_empty(), "the page at {} logged {found:#?}", self.path().await);
    }

    async fn seen(&self) -> String {
        let body = json!({ "script": "return location.href + '\\n' + document.body.innerText", "args": [] });
        let seen = self.session().post("/execute/sync", &body).await;
        seen.ok().and_then(|seen| seen.as_str().map(|text| text.chars().take(2000).collect())).unwrap_or_default()
    }

    /// Finds an element and does something with it, again until it can be done.
    async fn act(&self, using: &str, what: &str, action: &str, body: Value) {
        let start = Instant::now();
        loop {
            let refusal = match self.try_to(using, what, action, &body).await {
                Ok(()) => return,
                Err(refusal) => refusal,
            };
            assert!(start.elapsed() < PATIENCE, "cannot {action} {what}: {refusal:?}\n{}", self.seen().await);
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    async fn try_to(&self, using: &str, what: &str, action: &str, body: &Value) -> Result<(), Refusal> {
        let found = self.session().post("/element", &json!({ "using": using, "value": what })).await?;
        let id = found[ELEMENT].as_str().unwrap();
        self.session().post(&format!("/element/{id}/{action}"), body).await.map(drop)
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        match self.session().post(path, &body).await {
            Ok(value) => value,
            Err(refusal) => panic!("{path} {body:.300}: {} ({})", refusal.message, refusal.error),
        }
    }

    async fn devtools(&self, command: &str, params: Value) {
        self.session().devtools(command, params).await;
    }

    fn session(&self) -> &Session {
        self.session.as_ref().unwrap()
    }
}

impl Drop for Browser {
    /// Gives the Chromium back; of a test that failed it keeps a picture, and closes it.
    fn drop(&mut self) {
        let Some(session) = self.session.take() else { return };
        let has_failed = std::thread::panicking();
        let name = std::thread::current().name().unwrap_or("test").replace("::", "-");
        let expected = self.expected.lock().map(|expected| expected.clone()).unwrap_or_default();
        let found = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let session = session.moved();
                let found = errors(&session, &expected).await;
                if has_failed || !found.is_empty() {
                    let picture = picture(&session, &format!("failed/{name}")).await;
                    session.close().await;
                    println!("the page as it was: {picture:?}; it logged {found:?}");
                } else {
                    session.give_back().await;
                }
                found
            })
        })
        .join()
        .unwrap_or_default();
        assert!(has_failed || found.is_empty(), "the page logged {found:#?}");
    }
}

/// What a file says that is being downloaded, once it is there.
pub async fn downloaded(path: &Path) -> String {
    let start = Instant::now();
    loop {
        // Until it is whole it has another name.
        match std::fs::read_to_string(path) {
            Ok(text) => return text,
            Err(error) => assert!(start.elapsed() < PATIENCE, "{} was not downloaded: {error}", path.display()),
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// What the page has logged as errors, policy violations and refused requests among them.
async fn errors(session: &Session, expected: &[String]) -> Vec<String> {
    // What was logged before this is answered has arrived.
    session.post("/execute/sync", &json!({ "script": "return null", "args": [] })).await.ok();
    let log = session.post("/se/log", &json!({ "type": "browser" })).await.unwrap_or_default();
    let entries = log.as_array().into_iter().flatten().filter(|entry| entry["level"] == "SEVERE");
    let messages = entries.filter_map(|entry| entry["message"].as_str().map(str::to_owned));
    messages.filter(|message| !expected.iter().any(|part| message.contains(part))).collect()
}

async fn picture(session: &Session, name: &str) -> Result<PathBuf, Refusal> {
    let whole = json!({ "cmd": "Page.captureScreenshot", "params": { "captureBeyondViewport": true } });
    let picture = session.post("/goog/cdp/execute", &whole).await?;
    let bytes = base64::engine::general_purpose::STANDARD.decode(picture["data"].as_str().unwrap()).unwrap();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("target/screenshots/{name}.png"));
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, bytes).unwrap();
    Ok(path)
}

/// A text in XPath, which knows no escapes.
fn quoted(text: &str) -> String {
    let parts: Vec<String> = text.split('"').map(|part| format!("\"{part}\"")).collect();
    if parts.len() == 1 { parts[0].clone() } else { format!("concat({})", parts.join(", '\"', ")) }
}
