//! A stand-in for OpenAI's Responses API: a real server that refuses what OpenAI refuses, above all schemas that are
//! not strict, and that answers with an object of the schema.

use std::collections::{BTreeMap, VecDeque};
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::http::StatusCode;
use actix_web::web::{self, Bytes, Data, PayloadConfig};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, rt};
use serde_json::{Map, Value, json};

/// The one key that is accepted.
pub const API_KEY: &str = "sk-EXAMPLE";
/// The one model that there is.
pub const MODEL: &str = "gpt-6-luna";
/// How long a hanging answer takes: longer than any test waits.
const HANG: Duration = Duration::from_secs(600);
/// The longest body that is read.
const BODY_BYTES_MAX: usize = 8 * 1024 * 1024;
/// The keywords of JSON Schema that every model takes in strict mode. Bounds such as `minimum` only some take.
const STRICT_KEYWORDS: &[&str] = &[
    "type",
    "properties",
    "required",
    "additionalProperties",
    "items",
    "enum",
    "const",
    "anyOf",
    "$ref",
    "$defs",
    "description",
    "title",
];
/// Objects within objects at most, in strict mode.
const STRICT_DEPTH_MAX: usize = 10;

/// The server. It stops when this is dropped.
pub struct OpenAiStub {
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
    /// The body as it came: a schema's order counts.
    pub text: String,
    /// Whether it was well-formed, so that an answer was worked out and billed, or a script played.
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
    outputs: BTreeMap<String, Value>,
}

/// A refusal: HTTP status, code, what it is about.
type Refusal = (u16, &'static str, String);

impl OpenAiStub {
    /// Starts a server on a free port.
    pub async fn start() -> Self {
        let desk = Arc::new(Mutex::new(Desk::default()));
        let shared = Data::from(Arc::clone(&desk));
        let (ready, started) = mpsc::channel();
        std::thread::spawn(move || {
            rt::System::new().block_on(async move {
                let limit = PayloadConfig::new(BODY_BYTES_MAX);
                let app =
                    move || App::new().app_data(shared.clone()).app_data(limit.clone()).default_service(web::to(serve));
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
        Self { base_url: format!("http://{address}/v1"), desk, server }
    }

    /// Everything that came.
    pub fn requests(&self) -> Vec<Seen> {
        open(&self.desk).requests.clone()
    }

    /// Every request that names this schema is answered with this object, rather than with one made from the schema.
    pub fn answer_with(&self, schema_name: &str, output: Value) {
        open(&self.desk).outputs.insert(schema_name.to_owned(), output);
    }

    /// The next well-formed request gets this answer, whatever it asks for.
    pub fn answer_next(&self, status: u16, headers: &[(&str, &str)], body: impl ToString) {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        open(&self.desk).script.push_back(Script::Answer(status, headers, body.to_string()));
    }

    /// The next well-formed request is worked out, and the connection cut without an answer.
    pub fn drop_next(&self) {
        open(&self.desk).script.push_back(Script::Drop);
    }

    /// The next well-formed request is worked out, and never answered.
    pub fn hang_next(&self) {
        open(&self.desk).script.push_back(Script::Hang);
    }
}

impl Drop for OpenAiStub {
    fn drop(&mut self) {
        drop(self.server.stop(false));
    }
}

async fn serve(request: HttpRequest, bytes: Bytes, desk: Data<Mutex<Desk>>) -> HttpResponse {
    let headers = request.headers().iter();
    let headers = headers.map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into()));
    let mut seen = Seen {
        method: request.method().to_string(),
        path: request.path().to_owned(),
        headers: headers.collect(),
        body: serde_json::from_slice(&bytes).unwrap_or_default(),
        text: String::from_utf8_lossy(&bytes).into_owned(),
        accepted: false,
    };
    let (script, answer) = {
        let mut desk = open(&desk);
        let refusal = refused(&seen);
        seen.accepted = refusal.is_none();
        let script = if seen.accepted { desk.script.pop_front() } else { None };
        let answer = match (&script, refusal) {
            (_, Some(refusal)) => error(refusal),
            (Some(Script::Answer(status, headers, body)), None) => scripted(*status, headers, body),
            (_, None) => success(&seen, &desk),
        };
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

fn refused(seen: &Seen) -> Option<Refusal> {
    let wrong = |code, about: &str| Some((400, code, about.to_owned()));
    let body = &seen.body;
    if seen.method != "POST" || seen.path != "/v1/responses" {
        return Some((404, "not_found", "path".to_owned()));
    }
    if seen.headers.get("authorization").map(String::as_str) != Some(&format!("Bearer {API_KEY}")) {
        return Some((401, "invalid_api_key", "authorization".to_owned()));
    }
    if seen.headers.get("content-type").map(String::as_str) != Some("application/json") || !body.is_object() {
        return wrong("invalid_json", "body");
    }
    let known = ["model", "prompt", "instructions", "input", "text", "max_output_tokens", "store", "metadata"];
    if let Some(key) = body.as_object().and_then(|body| body.keys().find(|key| !known.contains(&key.as_str()))) {
        return wrong("unknown_parameter", key);
    }
    let has_prompt = body["prompt"]["id"].as_str().is_some_and(|id| id.starts_with("pmpt_"));
    match body["model"].as_str() {
        None if has_prompt => {}
        Some(MODEL) => {}
        _ => return Some((404, "model_not_found", "model".to_owned())),
    }
    if !(has_prompt || body["instructions"].as_str().is_some_and(|text| !text.is_empty())) {
        return wrong("missing_required_parameter", "instructions");
    }
    let parts = body["input"][0]["content"].as_array().filter(|_| body["input"][0]["role"] == "user");
    let is_text = |part: &Value| part["type"] == "input_text" && part["text"].is_string();
    if !parts.is_some_and(|parts| !parts.is_empty() && parts.iter().all(is_text)) {
        return wrong("invalid_type", "input");
    }
    let pairs: Vec<_> = body["metadata"].as_object().into_iter().flatten().collect();
    let fits = |value: &Value| value.as_str().is_some_and(|text| text.len() <= 512);
    if pairs.len() > 16 || pairs.iter().any(|(key, value)| key.len() > 64 || !fits(value)) {
        return wrong("invalid_metadata", "metadata");
    }
    let format = &body["text"]["format"];
    let is_name = |name: &str| {
        (1..=64).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
    };
    if format["type"] != "json_schema" || format["strict"] != true || !format["name"].as_str().is_some_and(is_name) {
        return wrong("invalid_value", "text.format");
    }
    let faults = strict_schema_faults(&format["schema"]);
    if faults.is_empty() { None } else { wrong("invalid_json_schema", &faults.join("; ")) }
}

/// What keeps a schema from being strict; nothing where it is.
pub fn strict_schema_faults(schema: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    if schema["type"] != "object" {
        faults.push("the root is no object".to_owned());
    }
    visit(schema, schema, "#", 0, &mut faults);
    faults
}

fn visit(root: &Value, schema: &Value, path: &str, depth: usize, faults: &mut Vec<String>) {
    let Some(object) = schema.as_object() else {
        return faults.push(format!("{path}: no schema"));
    };
    for keyword in object.keys().filter(|keyword| !STRICT_KEYWORDS.contains(&keyword.as_str())) {
        faults.push(format!("{path}: {keyword} is not permitted"));
    }
    if depth > STRICT_DEPTH_MAX {
        return faults.push(format!("{path}: too deep"));
    }
    if !["type", "anyOf", "$ref", "enum", "const"].iter().any(|keyword| object.contains_key(*keyword)) {
        faults.push(format!("{path}: no type"));
    }
    if let Some(reference) = schema["$ref"].as_str()
        && root.pointer(reference.trim_start_matches('#')).is_none()
    {
        faults.push(format!("{path}: {reference} is not there"));
    }
    let empty = Map::new();
    let properties = schema["properties"].as_object().unwrap_or(&empty);
    let is_of =
        |kind: &str| schema["type"] == kind || schema["type"].as_array().is_some_and(|all| all.contains(&kind.into()));
    if is_of("object") {
        let mut required: Vec<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        required.sort_unstable();
        let mut names: Vec<&str> = properties.keys().map(String::as_str).collect();
        names.sort_unstable();
        if required != names {
            faults.push(format!("{path}: required must name every property"));
        }
        if schema["additionalProperties"] != false {
            faults.push(format!("{path}: additionalProperties must be false"));
        }
    }
    if is_of("array") {
        visit(root, &schema["items"], &format!("{path}/items"), depth + 1, faults);
    }
    let definitions = schema["$defs"].as_object().unwrap_or(&empty);
    for (name, inner) in properties.iter().chain(definitions) {
        visit(root, inner, &format!("{path}/{name}"), depth + 1, faults);
    }
    for inner in schema["anyOf"].as_array().into_iter().flatten() {
        visit(root, inner, &format!("{path}/anyOf"), depth + 1, faults);
    }
}

fn success(seen: &Seen, desk: &Desk) -> HttpResponse {
    let format = &seen.body["text"]["format"];
    let made = || instance(&format["schema"], &format["schema"]);
    let output = desk.outputs.get(format["name"].as_str().unwrap_or_default()).cloned().unwrap_or_else(made);
    let text = output.to_string();
    let (input_tokens, output_tokens) = (seen.text.len() / 4, text.len() / 4 + 40);
    HttpResponse::Ok().insert_header(("x-request-id", "req_STUB")).json(json!({
        "id": format!("resp_stub{}", desk.requests.len()),
        "object": "response",
        "status": "completed",
        "error": null,
        "incomplete_details": null,
        "model": MODEL,
        "output": [
            { "id": "rs_stub", "type": "reasoning", "summary": [] },
            { "id": "msg_stub", "type": "message", "status": "completed", "role": "assistant",
              "content": [{ "type": "output_text", "annotations": [], "logprobs": [], "text": text }] },
        ],
        "usage": {
            "input_tokens": input_tokens,
            "input_tokens_details": { "cached_tokens": 0, "cache_write_tokens": 0 },
            "output_tokens": output_tokens,
            "output_tokens_details": { "reasoning_tokens": 40 },
            "total_tokens": input_tokens + output_tokens,
        },
        "metadata": seen.body["metadata"],
    }))
}

/// The plainest object of a schema: null where that is allowed, the first of an enum, no items.
fn instance(root: &Value, schema: &Value) -> Value {
    let schema = schema["$ref"].as_str().and_then(|path| root.pointer(path.trim_start_matches('#'))).unwrap_or(schema);
    if let Some(first) = schema["enum"].get(0).or_else(|| schema.get("const")) {
        return first.clone();
    }
    match schema["type"].as_str() {
        Some("object") => {
            let properties = schema["properties"].as_object().into_iter().flatten();
            properties.map(|(name, inner)| (name.clone(), instance(root, inner))).collect::<Map<_, _>>().into()
        }
        Some("array") => json!([]),
        Some("string") => json!("(stub)"),
        Some("integer" | "number") => json!(1),
        Some("boolean") => json!(false),
        _ => Value::Null,
    }
}

fn error((status, code, about): Refusal) -> HttpResponse {
    scripted(
        status,
        &[("content-type".to_owned(), "application/json".to_owned())],
        &json!({ "error": {
            "message": format!("Invalid: {about}"), "type": "invalid_request_error", "param": about, "code": code,
        }})
        .to_string(),
    )
}

fn scripted(status: u16, headers: &[(String, String)], body: &str) -> HttpResponse {
    let mut answer = HttpResponse::build(StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR));
    for (name, value) in headers {
        answer.insert_header((name.as_str(), value.as_str()));
    }
    answer.body(body.to_owned())
}

fn open(desk: &Mutex<Desk>) -> MutexGuard<'_, Desk> {
    desk.lock().unwrap_or_else(PoisonError::into_inner)
}
