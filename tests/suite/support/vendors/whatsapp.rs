//! A stand-in for WhatsApp's Cloud API: a real server that refuses what Meta refuses, with Meta's codes.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::http::{Method, StatusCode};
use actix_web::web::{self, Bytes, Data};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, rt};
use serde_json::{Value, json};

/// The one token that is accepted.
pub const TOKEN: &str = "EAAG_EXAMPLE";
/// How long a hanging answer takes: longer than any test waits.
const HANG: Duration = Duration::from_secs(600);

/// The server. It stops when this is dropped.
pub struct WhatsAppStub {
    /// What to configure as `base_url`.
    pub base_url: String,
    desk: Arc<Mutex<Desk>>,
    server: ServerHandle,
}

/// A request that came.
#[derive(Clone, Debug)]
pub struct Seen {
    pub method: String,
    pub path: String,
    /// Names in lower case.
    pub headers: BTreeMap<String, String>,
    pub body: Value,
    /// Whether WhatsApp would now deliver it, whether or not the answer arrived.
    pub accepted: bool,
}

enum Script {
    Answer(u16, Vec<(String, String)>, String),
    Drop,
    Hang,
}

#[derive(Default)]
struct Desk {
    requests: Vec<Seen>,
    script: VecDeque<Script>,
    open_windows: BTreeSet<String>,
    templates: BTreeMap<(String, String), usize>,
    per_recipient_max: Option<usize>,
}

/// A refusal: HTTP status, Meta's code, its title.
type Refusal = (u16, i64, &'static str);

impl WhatsAppStub {
    /// Starts a server on a free port. Nobody has written to it (no window is open), and it knows no template.
    pub async fn start() -> Self {
        let desk = Arc::new(Mutex::new(Desk::default()));
        let shared = Data::from(Arc::clone(&desk));
        let (ready, started) = mpsc::channel();
        std::thread::spawn(move || {
            rt::System::new().block_on(async move {
                let app = move || App::new().app_data(shared.clone()).default_service(web::to(serve));
                let server = HttpServer::new(app)
                    .workers(1)
                    .disable_signals()
                    .on_connect(|connection, data| {
                        // A second handle on the socket, so that a connection can be cut with no answer at all.
                        let socket = connection.downcast_ref::<rt::net::TcpStream>();
                        if let Some(copy) = socket.and_then(|socket| socket.as_fd().try_clone_to_owned().ok()) {
                            data.insert(Arc::new(TcpStream::from(copy)));
                        }
                    })
                    .bind(("127.0.0.1", 0))
                    .expect("a free port");
                let address = server.addrs()[0];
                let server = server.run();
                ready.send((address, server.handle())).ok();
                server.await.ok();
            });
        });
        let (address, server) = started.recv().expect("the stub starts");
        Self { base_url: format!("http://{address}/v23.0"), desk, server }
    }

    /// Everything that came.
    pub fn requests(&self) -> Vec<Seen> {
        open(&self.desk).requests.clone()
    }

    /// The bodies of the messages that were accepted, those whose answer was lost among them.
    pub fn accepted(&self) -> Vec<Value> {
        self.requests().into_iter().filter(|seen| seen.accepted).map(|seen| seen.body).collect()
    }

    /// The next well-formed request gets this answer, whatever it asks for.
    pub fn answer_next(&self, status: u16, headers: &[(&str, &str)], body: impl ToString) {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        open(&self.desk).script.push_back(Script::Answer(status, headers, body.to_string()));
    }

    /// The next well-formed request is done, and the connection cut without an answer.
    pub fn drop_next(&self) {
        open(&self.desk).script.push_back(Script::Drop);
    }

    /// The next well-formed request is done, and never answered.
    pub fn hang_next(&self) {
        open(&self.desk).script.push_back(Script::Hang);
    }

    /// This person has written or called: text is allowed. Digits only.
    pub fn open_window(&self, digits: &str) {
        open(&self.desk).open_windows.insert(digits.to_owned());
    }

    /// This template is approved, with so many parameters in its body.
    pub fn approve(&self, name: &str, language: &str, parameters: usize) {
        open(&self.desk).templates.insert((name.to_owned(), language.to_owned()), parameters);
    }

    /// More messages to one person than this are too many (131056).
    pub fn limit_per_recipient(&self, messages_max: usize) {
        open(&self.desk).per_recipient_max = Some(messages_max);
    }
}

impl Drop for WhatsAppStub {
    fn drop(&mut self) {
        drop(self.server.stop(false));
    }
}

async fn serve(request: HttpRequest, bytes: Bytes, desk: Data<Mutex<Desk>>) -> HttpResponse {
    let body: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    let headers = request.headers().iter();
    let headers: BTreeMap<String, String> =
        headers.map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into())).collect();
    let path = request.path().to_owned();
    let mut seen = Seen { method: request.method().to_string(), path, headers, body, accepted: false };
    let (script, answer) = {
        let mut desk = open(&desk);
        let malformed = malformed(&seen, request.method());
        let script = if malformed.is_none() { desk.script.pop_front() } else { None };
        let refusal = malformed.or_else(|| if script.is_none() { refused(&desk, &seen.body) } else { None });
        let number = desk.requests.len();
        let answer = match (&script, refusal) {
            (_, Some(refusal)) => error(refusal),
            (Some(Script::Answer(status, headers, body)), None) => scripted(*status, headers, body),
            (_, None) => success(&seen.body, number),
        };
        seen.accepted = answer.status().is_success();
        desk.requests.push(seen);
        (script, answer)
    };
    match script {
        Some(Script::Hang) => rt::time::sleep(HANG).await,
        Some(Script::Drop) => {
            if let Some(socket) = request.conn_data::<Arc<TcpStream>>() {
                socket.shutdown(Shutdown::Both).ok();
            }
        }
        _ => {}
    }
    answer
}

/// What Meta refuses in any request: wrong place, no token, a body of another shape.
fn malformed(seen: &Seen, method: &Method) -> Option<Refusal> {
    let parts: Vec<&str> = seen.path.trim_start_matches('/').split('/').collect();
    let is_place = matches!(parts[..], [version, sender, "messages"] if version.starts_with('v') && is_digits(sender));
    if method != Method::POST || !is_place {
        return Some((404, 33, "no such object"));
    }
    if seen.headers.get("authorization").map(String::as_str) != Some(&format!("Bearer {TOKEN}")) {
        return Some((401, 190, "Invalid OAuth access token"));
    }
    if seen.headers.get("content-type").map(String::as_str) != Some("application/json") || !is_message(&seen.body) {
        return Some((400, 100, "Invalid parameter"));
    }
    None
}

fn is_message(body: &Value) -> bool {
    let known = ["messaging_product", "recipient_type", "to", "type", "text", "template", "biz_opaque_callback_data"];
    let is_known = body.as_object().is_some_and(|body| body.keys().all(|key| known.contains(&key.as_str())));
    let is_addressed = body["to"].as_str().is_some_and(|to| is_digits(to.strip_prefix('+').unwrap_or(to)));
    let tracking = &body["biz_opaque_callback_data"];
    let is_tracked = tracking.is_null() || tracking.as_str().is_some_and(|data| data.chars().count() <= 512);
    let is_content = match body["type"].as_str() {
        Some("text") => {
            let text = body["text"]["body"].as_str();
            body["template"].is_null() && text.is_some_and(|text| (1..=4096).contains(&text.chars().count()))
        }
        Some("template") => body["text"].is_null() && parameters(&body["template"]).is_some(),
        _ => false,
    };
    body["messaging_product"] == "whatsapp"
        && body["recipient_type"] == "individual"
        && is_known
        && is_addressed
        && is_tracked
        && is_content
}

/// How many parameters the body of a template gets; none, where it has another shape.
fn parameters(template: &Value) -> Option<usize> {
    template["name"].as_str()?;
    template["language"]["code"].as_str()?;
    let Some(components) = template["components"].as_array() else {
        return template["components"].is_null().then_some(0);
    };
    let [component] = &components[..] else { return None };
    let parameters = component["parameters"].as_array().filter(|_| component["type"] == "body")?;
    let is_text = |parameter: &Value| {
        let text = parameter["text"].as_str().filter(|text| !text.is_empty());
        parameter["type"] == "text" && text.is_some_and(|text| !text.contains(['\n', '\t']) && !text.contains("     "))
    };
    parameters.iter().all(is_text).then_some(parameters.len())
}

/// What Meta refuses because of what it knows: templates, windows, the rate to one person.
fn refused(desk: &Desk, body: &Value) -> Option<Refusal> {
    let to = body["to"].as_str().unwrap_or_default().trim_start_matches('+');
    let earlier = desk.requests.iter().filter(|seen| seen.accepted && seen.body["to"] == body["to"]).count();
    if desk.per_recipient_max.is_some_and(|max| earlier >= max) {
        return Some((400, 131056, "(Business Account, Consumer Account) pair rate limit hit"));
    }
    if body["type"] == "text" {
        return (!desk.open_windows.contains(to)).then_some((400, 131047, "Re-engagement message"));
    }
    let template = &body["template"];
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    match desk.templates.get(&(word(&template["name"]), word(&template["language"]["code"]))) {
        None => Some((404, 132001, "Template name does not exist in the translation")),
        Some(wanted) if parameters(template) != Some(*wanted) => {
            Some((400, 132000, "Number of parameters does not match the expected number of params"))
        }
        Some(_) => None,
    }
}

fn success(body: &Value, number: usize) -> HttpResponse {
    let to = body["to"].as_str().unwrap_or_default();
    let mut message = json!({ "id": format!("wamid.STUB{number}") });
    if body["type"] == "template" {
        message["message_status"] = "accepted".into();
    }
    HttpResponse::Ok().json(json!({
        "messaging_product": "whatsapp",
        "contacts": [{ "input": to, "wa_id": to.trim_start_matches('+') }],
        "messages": [message],
    }))
}

fn error((status, code, title): Refusal) -> HttpResponse {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    HttpResponse::build(status).json(json!({ "error": {
        "message": format!("(#{code}) {title}"),
        "type": "OAuthException",
        "code": code,
        "error_data": { "messaging_product": "whatsapp", "details": title },
        "fbtrace_id": "AbCdEfGhIjKlMnOpQrStUvW",
    }}))
}

fn scripted(status: u16, headers: &[(String, String)], body: &str) -> HttpResponse {
    let mut answer = HttpResponse::build(StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR));
    for (name, value) in headers {
        answer.insert_header((name.as_str(), value.as_str()));
    }
    answer.body(body.to_owned())
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn open(desk: &Mutex<Desk>) -> MutexGuard<'_, Desk> {
    desk.lock().unwrap_or_else(PoisonError::into_inner)
}
