//! What the HTTP stubs of the vendors share: a real server on a port of its own that keeps what it is sent, refuses
//! what the vendor would refuse, and otherwise answers as it is told, or as the vendor would.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use actix_web::web::{self, Bytes, Data};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use serde_json::Value;

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    pub path: String,
    /// As it was sent, not decoded.
    pub query: String,
    /// Names in lower case.
    pub headers: BTreeMap<String, String>,
    pub body: String,
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

/// What a vendor does: refuse, or answer.
pub trait Vendor: Send + Sync + 'static {
    /// What the vendor says to a request that is not of its form; nothing counts over this.
    fn refuse(&self, request: &Request) -> Option<Reply>;
    /// What the vendor says when all is well and nothing else was told.
    fn answer(&self, request: &Request) -> Reply;
}

enum Told {
    Answer(Reply),
    Drop,
    Hang,
}

/// A running stub. It stops when it is dropped.
pub struct Stub<V> {
    pub base_url: String,
    state: Arc<State<V>>,
    server: actix_web::dev::ServerHandle,
}

struct State<V> {
    vendor: V,
    requests: Mutex<Vec<Request>>,
    /// Each for the next request whose path holds the text.
    told: Mutex<VecDeque<(&'static str, Told)>>,
}

impl<V: Vendor> Stub<V> {
    pub async fn start(vendor: V) -> Self {
        let state = Arc::new(State { vendor, requests: Mutex::default(), told: Mutex::default() });
        let data = Data::from(Arc::clone(&state));
        let server = HttpServer::new(move || App::new().app_data(data.clone()).default_service(web::to(serve::<V>)))
            .workers(1)
            .disable_signals()
            .bind(("127.0.0.1", 0))
            .unwrap();
        let base_url = format!("http://{}", server.addrs()[0]);
        let server = server.run();
        let handle = server.handle();
        tokio::spawn(server);
        Self { base_url, state, server: handle }
    }

    /// What it knows and does.
    pub fn vendor(&self) -> &V {
        &self.state.vendor
    }

    /// Everything that came, refused or not.
    pub fn requests(&self) -> Vec<Request> {
        lock(&self.state.requests).clone()
    }

    /// Answers the next request whose path holds `path` ("": any) with this.
    pub fn answer_next(&self, path: &'static str, status: u16, headers: &[(&str, &str)], body: &str) {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        self.tell(path, Told::Answer(Reply { status, headers, body: body.to_owned() }));
    }

    /// Answers the next such request with the answer that stands in a file of tests/outbound.
    pub fn play_next(&self, path: &'static str, file: &str) {
        self.tell(path, Told::Answer(Reply::of_file(file)));
    }

    /// Reads the next such request and hangs up.
    pub fn drop_next(&self, path: &'static str) {
        self.tell(path, Told::Drop);
    }

    /// Reads the next such request and never answers.
    pub fn hang_next(&self, path: &'static str) {
        self.tell(path, Told::Hang);
    }

    fn tell(&self, path: &'static str, told: Told) {
        lock(&self.state.told).push_back((path, told));
    }
}

impl<V> Drop for Stub<V> {
    fn drop(&mut self) {
        drop(self.server.stop(false));
    }
}

impl Request {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// The body as JSON; null where it is none.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }

    /// The body as a form.
    pub fn form(&self) -> BTreeMap<String, String> {
        pairs(&self.body)
    }

    /// The query, decoded.
    pub fn arguments(&self) -> BTreeMap<String, String> {
        pairs(&self.query)
    }
}

impl Reply {
    pub fn json(status: u16, body: &Value) -> Self {
        let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        Self { status, headers, body: body.to_string() }
    }

    pub fn text(status: u16, body: &str) -> Self {
        let headers = vec![("content-type".to_owned(), "text/html; charset=utf-8".to_owned())];
        Self { status, headers, body: body.to_owned() }
    }

    fn of_file(file: &str) -> Self {
        let file: Value = serde_json::from_str(file).unwrap();
        let response = &file["response"];
        let body = match (&response["body"], response["body_text"].as_str()) {
            (_, Some(text)) => text.to_owned(),
            (Value::Null, None) => String::new(),
            (body, None) => body.to_string(),
        };
        let headers = response["headers"].as_object().unwrap().iter();
        Self {
            status: u16::try_from(response["status"].as_u64().unwrap()).unwrap(),
            headers: headers.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())).collect(),
            body,
        }
    }
}

async fn serve<V: Vendor>(request: HttpRequest, body: Bytes, state: Data<State<V>>) -> HttpResponse {
    let request = Request {
        method: request.method().to_string(),
        path: request.path().to_owned(),
        query: request.query_string().to_owned(),
        headers: request
            .headers()
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), value.to_str().unwrap_or_default().to_owned()))
            .collect(),
        body: String::from_utf8_lossy(&body).into_owned(),
    };
    lock(&state.requests).push(request.clone());
    let reply = match state.vendor.refuse(&request) {
        Some(refusal) => refusal,
        None => match told_for(&state.told, &request.path) {
            None => state.vendor.answer(&request),
            Some(Told::Answer(reply)) => reply,
            Some(Told::Hang) => std::future::pending().await,
            Some(Told::Drop) => return hang_up(),
        },
    };
    let mut response = HttpResponse::build(reply.status.try_into().unwrap());
    for (name, value) in reply.headers {
        response.insert_header((name, value));
    }
    response.body(reply.body)
}

fn told_for(told: &Mutex<VecDeque<(&'static str, Told)>>, path: &str) -> Option<Told> {
    let mut told = lock(told);
    let place = told.iter().position(|(part, _)| path.contains(part))?;
    told.remove(place).map(|(_, told)| told)
}

/// A body that breaks off: the connection ends before the answer is whole.
fn hang_up() -> HttpResponse {
    let broken = futures_util::stream::once(async { Err::<Bytes, _>(io::Error::other("hung up")) });
    HttpResponse::Ok().streaming(Box::pin(broken))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap()
}

fn pairs(text: &str) -> BTreeMap<String, String> {
    let url = reqwest::Url::parse(&format!("http://stub/?{text}")).unwrap();
    url.query_pairs().into_owned().collect()
}
