//! chromedriver, once a run, and the Chromiums it has opened: a test borrows one and gives it back clean.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::{Arc, LazyLock, Mutex, OnceLock};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::support::client_builder;

/// Chromiums at once; each takes a core while it draws.
const BROWSERS_MAX: usize = 2;
/// The longest that one command may take, page loads included.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(30);
/// Where a machine has no Chromium and this is set, the tests that need one say so and end.
const WITHOUT: &str = "SWITCHHOOK_WITHOUT_BROWSER";
const MISSING: &str = "chromium is missing: apt-get install chromium chromium-driver, or set \
                       SWITCHHOOK_WITHOUT_BROWSER=1 to leave out what needs it";
/// Ends chromedriver by its id as soon as the tests are over, however they end: then nobody holds the other end of the
/// pipe. Chromium ends when the pipe to its driver does.
const WATCHED: &str = r#"export TMPDIR="$1"
chromedriver --port=0 --log-level=SEVERE &
driver=$!
cat >/dev/null
kill "$driver"
wait "$driver"
sleep 1
rm -rf "$1""#;

static SEATS: LazyLock<Arc<Semaphore>> = LazyLock::new(|| Arc::new(Semaphore::new(BROWSERS_MAX)));
static IDLE: Mutex<Vec<String>> = Mutex::new(Vec::new());
static DRIVER: OnceLock<Option<String>> = OnceLock::new();

/// A Chromium that one test has for itself.
#[derive(Debug)]
pub struct Session {
    client: reqwest::Client,
    url: String,
    _seat: OwnedSemaphorePermit,
}

/// What chromedriver refuses, in its words.
#[derive(Debug)]
pub struct Refusal {
    /// Such as `stale element reference`.
    pub error: String,
    /// What is wrong.
    pub message: String,
}

impl Session {
    /// One that is idle, or a new one. `None`: there is no Chromium, and somebody said that this is well.
    pub async fn borrow() -> Option<Self> {
        let driver = tokio::task::spawn_blocking(|| DRIVER.get_or_init(start).clone()).await.unwrap();
        let Some(driver) = driver else {
            assert!(std::env::var(WITHOUT).is_ok_and(|value| value == "1"), "{MISSING}");
            println!("skipped: {MISSING}");
            return None;
        };
        let seat = Arc::clone(&SEATS).acquire_owned().await.unwrap();
        let client = client();
        let idle = IDLE.lock().unwrap().pop();
        let url = match idle {
            Some(url) => url,
            None => open(&client, &driver).await,
        };
        Some(Self { client, url, _seat: seat })
    }

    /// The same, for another runtime: connections stay with the one that they began in.
    pub fn moved(self) -> Self {
        Self { client: client(), ..self }
    }

    /// Sends a command.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value, Refusal> {
        send(self.client.post(format!("{}{path}", self.url)).json(body)).await
    }

    /// Asks.
    pub async fn get(&self, path: &str) -> Result<Value, Refusal> {
        send(self.client.get(format!("{}{path}", self.url))).await
    }

    /// A command of the Chrome DevTools protocol.
    pub async fn devtools(&self, command: &str, params: Value) -> Value {
        self.post("/goog/cdp/execute", &json!({ "cmd": command, "params": params })).await.unwrap()
    }

    /// Forgets what a test left behind, and lets the next one have it. A broken one is closed.
    pub async fn give_back(self) {
        let clean = async {
            self.post("/url", &json!({ "url": "about:blank" })).await?;
            for (command, params) in [
                ("Network.clearBrowserCookies", json!({})),
                ("Storage.clearDataForOrigin", json!({ "origin": "*", "storageTypes": "all" })),
                ("Emulation.setScriptExecutionDisabled", json!({ "value": false })),
                ("Emulation.setEmulatedMedia", json!({ "media": "", "features": [] })),
                ("Emulation.clearDeviceMetricsOverride", json!({})),
            ] {
                self.post("/goog/cdp/execute", &json!({ "cmd": command, "params": params })).await?;
            }
            self.post("/se/log", &json!({ "type": "browser" })).await
        };
        match clean.await {
            Ok(_) => IDLE.lock().unwrap().push(self.url),
            Err(_) => self.close().await,
        }
    }

    /// Ends it.
    pub async fn close(self) {
        send(self.client.delete(&self.url)).await.ok();
    }
}

fn client() -> reqwest::Client {
    client_builder().timeout(COMMAND_TIMEOUT).build().unwrap()
}

async fn send(request: reqwest::RequestBuilder) -> Result<Value, Refusal> {
    let lost = |error: reqwest::Error| Refusal { error: "lost".to_owned(), message: error.to_string() };
    let mut answer: Value = request.send().await.map_err(lost)?.json().await.map_err(lost)?;
    let value = answer["value"].take();
    match value.get("error").and_then(Value::as_str) {
        Some(error) => {
            let message = value["message"].as_str().unwrap_or_default();
            let message = message.lines().next().unwrap_or_default().to_owned();
            Err(Refusal { error: error.to_owned(), message })
        }
        None => Ok(value),
    }
}

/// A new Chromium, which reaches nobody but this machine.
async fn open(client: &reqwest::Client, driver: &str) -> String {
    let arguments = [
        "--headless=new",
        "--no-sandbox",
        "--remote-debugging-pipe",
        "--disable-dev-shm-usage",
        "--disable-background-networking",
        "--disable-component-update",
        "--no-first-run",
        "--mute-audio",
        "--lang=en-US",
        "--window-size=1280,900",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    ];
    let wanted = json!({ "capabilities": { "alwaysMatch": {
        "timeouts": { "pageLoad": 20_000, "script": 20_000, "implicit": 0 },
        "goog:loggingPrefs": { "browser": "ALL" },
        "goog:chromeOptions": { "args": arguments },
    } } });
    let opened = send(client.post(format!("{driver}/session")).json(&wanted)).await.unwrap();
    format!("{driver}/session/{}", opened["sessionId"].as_str().unwrap())
}

/// Starts chromedriver on a port of its choice; `None`: it is not there.
fn start() -> Option<String> {
    Command::new("chromedriver").arg("--version").stdout(Stdio::null()).status().ok()?;
    let folder = std::env::temp_dir().join(format!("switchhook-browser-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let mut child = Command::new("sh")
        .args(["-c", WATCHED, "sh"])
        .arg(&folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let port = lines.find_map(|line| {
        let after = line.strip_prefix("ChromeDriver was started successfully on port ")?;
        after.trim_end_matches('.').parse::<u16>().ok()
    });
    // It may go on talking, and its end of the other pipe stays open until the tests end.
    std::thread::spawn(move || lines.for_each(drop));
    std::mem::forget(child);
    Some(format!("http://127.0.0.1:{}", port.expect("chromedriver did not start")))
}
