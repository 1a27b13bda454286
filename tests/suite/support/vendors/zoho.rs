//! A stand-in for Zoho CRM and its accounts server: tokens that end, a search that finds too much, upserts that fail
//! record by record within a 2xx.

use std::sync::Mutex;

use serde_json::{Value, json};

use super::scripted::{Reply, Request, Stub, Vendor};

const TOKEN_PATH: &str = "/oauth/v2/token";
const MODIFIED: &str = "2026-09-01T13:15:00+03:00";

/// Zoho.
pub struct ZohoStub {
    /// Belongs into `accounts_url`; tokens say that it is the API's too.
    pub base_url: String,
    stub: Stub<Zoho>,
}

#[derive(Default)]
struct Zoho {
    api_domain: Mutex<String>,
    tokens: Mutex<Vec<String>>,
    tokens_made: Mutex<usize>,
    records_made: Mutex<usize>,
    /// Module and record.
    records: Mutex<Vec<(String, Value)>>,
}

impl ZohoStub {
    pub const CLIENT_ID: &str = "1000.EXAMPLE";
    pub const CLIENT_SECRET: &str = "EXAMPLE";
    pub const REFRESH_TOKEN: &str = "1000.EXAMPLE.EXAMPLE";

    pub async fn start() -> Self {
        let stub = Stub::start(Zoho::default()).await;
        stub.base_url.clone_into(&mut stub.vendor().api_domain.lock().unwrap());
        Self { base_url: stub.base_url.clone(), stub }
    }

    /// Adds a record to `Leads` or `Contacts` and returns its id.
    pub fn add(&self, module: &str, record: Value) -> String {
        self.stub.vendor().insert(module, record)
    }

    /// Somebody changes the first record of a module.
    pub fn change(&self, module: &str, fields: &Value) {
        let mut records = self.stub.vendor().records.lock().unwrap();
        let (_, record) = records.iter_mut().find(|(there, _)| there == module).unwrap();
        merge(record, fields);
    }

    /// Somebody takes the record of this id away.
    pub fn remove(&self, id: &str) {
        self.stub.vendor().records.lock().unwrap().retain(|(_, record)| record["id"] != id);
    }

    pub fn records(&self, module: &str) -> Vec<Value> {
        let records = self.stub.vendor().records.lock().unwrap();
        records.iter().filter(|(there, _)| there == module).map(|(_, record)| record.clone()).collect()
    }

    pub fn tokens_made(&self) -> usize {
        *self.stub.vendor().tokens_made.lock().unwrap()
    }

    /// From now on no token that was given out counts.
    pub fn revoke_tokens(&self) {
        self.stub.vendor().tokens.lock().unwrap().clear();
    }

    /// What came for the API, without the requests for tokens.
    pub fn requests(&self) -> Vec<Request> {
        self.stub.requests().into_iter().filter(|request| request.path != TOKEN_PATH).collect()
    }

    pub fn answer_next(&self, path: &'static str, status: u16, headers: &[(&str, &str)], body: &str) {
        self.stub.answer_next(path, status, headers, body);
    }

    pub fn play_next(&self, path: &'static str, file: &str) {
        self.stub.play_next(path, file);
    }

    pub fn drop_next(&self, path: &'static str) {
        self.stub.drop_next(path);
    }

    pub fn hang_next(&self, path: &'static str) {
        self.stub.hang_next(path);
    }
}

impl Vendor for Zoho {
    fn refuse(&self, request: &Request) -> Option<Reply> {
        if request.path == TOKEN_PATH {
            return refuse_token(request);
        }
        let token = request.header("authorization").strip_prefix("Zoho-oauthtoken ").unwrap_or_default();
        if !self.tokens.lock().unwrap().iter().any(|good| good == token) {
            return Some(error(401, "INVALID_TOKEN"));
        }
        let Some(path) = request.path.strip_prefix("/crm/v8/") else {
            return Some(error(404, "INVALID_URL_PATTERN"));
        };
        if !["Leads", "Contacts"].contains(&path.split('/').next().unwrap_or_default()) {
            return Some(error(400, "INVALID_MODULE"));
        }
        match (request.method.as_str(), path.split_once('/').map(|(_, rest)| rest)) {
            ("GET", Some("search")) if request.arguments().contains_key("phone") => None,
            ("GET", Some("search")) => Some(error(400, "REQUIRED_PARAM_MISSING")),
            ("POST", Some("upsert")) | ("PUT", None) => refuse_records(request),
            _ => Some(error(404, "INVALID_URL_PATTERN")),
        }
    }

    fn answer(&self, request: &Request) -> Reply {
        if request.path == TOKEN_PATH {
            return self.token();
        }
        let module = request.path.split('/').nth(3).unwrap_or_default();
        if request.method == "GET" {
            return self.search(module, &request.arguments()["phone"]);
        }
        let body = request.json();
        let write = |record: &Value| match request.method.as_str() {
            "PUT" => self.update(module, record),
            _ => self.upsert(module, record, &body["duplicate_check_fields"]),
        };
        let data: Vec<Value> = body["data"].as_array().unwrap().iter().map(write).collect();
        let failed = data.iter().filter(|record| record["status"] == "error").count();
        let status = if failed == 0 {
            200
        } else if failed == data.len() {
            202
        } else {
            207
        };
        Reply::json(status, &json!({ "data": data }))
    }
}

impl Zoho {
    fn token(&self) -> Reply {
        let mut made = self.tokens_made.lock().unwrap();
        *made += 1;
        let token = format!("1000.EXAMPLE.{made}");
        self.tokens.lock().unwrap().push(token.clone());
        let api_domain = self.api_domain.lock().unwrap().clone();
        let body =
            json!({ "access_token": token, "api_domain": api_domain, "token_type": "Bearer", "expires_in": 3600 });
        Reply::json(200, &body)
    }

    fn insert(&self, module: &str, mut record: Value) -> String {
        let mut records = self.records.lock().unwrap();
        let mut made = self.records_made.lock().unwrap();
        let id = format!("54770610000012345{made:02}");
        *made += 1;
        record["id"] = json!(id);
        if record["Modified_Time"].is_null() {
            record["Modified_Time"] = json!(MODIFIED);
        }
        records.push((module.to_owned(), record));
        id
    }

    /// Every record that has a number which contains this one, whatever stands between the digits.
    fn search(&self, module: &str, wanted: &str) -> Reply {
        let plain = |text: &str| text.chars().filter(|c| c.is_ascii_digit() || *c == '+').collect::<String>();
        let has = |record: &Value| {
            let texts = record.as_object().unwrap().values().filter_map(Value::as_str);
            texts.map(plain).any(|number| number.contains(wanted))
        };
        let records = self.records.lock().unwrap();
        let found: Vec<&Value> =
            records.iter().filter(|(there, record)| there == module && has(record)).map(|(_, record)| record).collect();
        match found.len() {
            0 => Reply { status: 204, headers: Vec::new(), body: String::new() },
            count => {
                let info = json!({ "per_page": 200, "count": count, "page": 1, "more_records": false });
                Reply::json(200, &json!({ "data": found, "info": info }))
            }
        }
    }

    fn upsert(&self, module: &str, record: &Value, check: &Value) -> Value {
        let digits = record["Phone"].as_str().unwrap_or_default().chars().filter(char::is_ascii_digit).count();
        if !(7..=15).contains(&digits) {
            return record_error("INVALID_DATA", json!({ "expected_data_type": "phone", "api_name": "Phone" }));
        }
        let field = check[0].as_str().unwrap_or("Email");
        let there = {
            let mut records = self.records.lock().unwrap();
            let same = records.iter_mut().find(|(there, old)| there == module && old[field] == record[field]);
            same.map(|(_, old)| merge(old, record))
        };
        match there {
            Some(id) => written("update", json!(field), &id),
            None if record["Last_Name"].as_str().is_none_or(str::is_empty) => {
                record_error("MANDATORY_NOT_FOUND", json!({ "api_name": "Last_Name" }))
            }
            None => written("insert", Value::Null, &self.insert(module, record.clone())),
        }
    }

    fn update(&self, module: &str, record: &Value) -> Value {
        let mut records = self.records.lock().unwrap();
        let same = records.iter_mut().find(|(there, old)| there == module && old["id"] == record["id"]);
        match same {
            Some((_, old)) => written("update", Value::Null, &merge(old, record)),
            None => record_error("INVALID_DATA", json!({ "api_name": "id" })),
        }
    }
}

fn refuse_token(request: &Request) -> Option<Reply> {
    let form = request.form();
    let is = |key: &str, value: &str| form.get(key).is_some_and(|there| there == value);
    // All of these come with HTTP 200.
    let word = if request.method != "POST" || !is("grant_type", "refresh_token") {
        "invalid_request"
    } else if !is("client_id", ZohoStub::CLIENT_ID) {
        "invalid_client"
    } else if !is("client_secret", ZohoStub::CLIENT_SECRET) {
        "invalid_client_secret"
    } else if !is("refresh_token", ZohoStub::REFRESH_TOKEN) {
        "invalid_code"
    } else {
        return None;
    };
    Some(Reply::json(200, &json!({ "error": word })))
}

fn refuse_records(request: &Request) -> Option<Reply> {
    match request.json()["data"].as_array().map_or(0, Vec::len) {
        1..=100 => None,
        _ => Some(error(400, "INVALID_DATA")),
    }
}

fn merge(old: &mut Value, new: &Value) -> String {
    for (field, value) in new.as_object().unwrap() {
        old[field] = value.clone();
    }
    old["id"].as_str().unwrap().to_owned()
}

fn written(action: &str, duplicate_field: Value, id: &str) -> Value {
    let details = json!({ "Modified_Time": MODIFIED, "Created_Time": MODIFIED, "id": id });
    json!({
        "code": "SUCCESS", "duplicate_field": duplicate_field, "action": action, "details": details,
        "message": "record written", "status": "success",
    })
}

fn record_error(code: &str, details: Value) -> Value {
    json!({ "code": code, "details": details, "message": "no", "status": "error" })
}

fn error(status: u16, code: &str) -> Reply {
    Reply::json(status, &json!({ "code": code, "details": {}, "message": "no", "status": "error" }))
}
