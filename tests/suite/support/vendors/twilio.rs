//! A stand-in for Twilio's Messages: it keeps what it is given to send, and lists it by number.

use std::collections::BTreeMap;
use std::sync::Mutex;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::scripted::{Reply, Request, Stub, Vendor};

/// The longest body that the Messages resource takes.
const BODY_CHARS_MAX: usize = 1_600;

/// Twilio.
pub struct TwilioStub {
    pub base_url: String,
    stub: Stub<Twilio>,
}

struct Twilio {
    /// Newest last.
    messages: Mutex<Vec<Value>>,
    now: Mutex<DateTime<Utc>>,
}

impl TwilioStub {
    pub const ACCOUNT_SID: &str = "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    pub const AUTH_TOKEN: &str = "an-auth-token";

    pub async fn start() -> Self {
        let twilio = Twilio { messages: Mutex::default(), now: Mutex::new(DateTime::UNIX_EPOCH) };
        let stub = Stub::start(twilio).await;
        Self { base_url: stub.base_url.clone(), stub }
    }

    /// The time that the next messages are created at.
    pub fn set_now(&self, now: DateTime<Utc>) {
        *self.stub.vendor().now.lock().unwrap() = now;
    }

    /// The messages that exist, as (to, body).
    pub fn sent(&self) -> Vec<(String, String)> {
        let text = |message: &Value, key: &str| message[key].as_str().unwrap_or_default().to_owned();
        let messages = self.stub.vendor().messages.lock().unwrap();
        messages.iter().map(|message| (text(message, "to"), text(message, "body"))).collect()
    }

    /// Changes the message that was created last, as the network would: its status, its error code.
    pub fn change_last(&self, key: &str, value: Value) {
        if let Some(message) = self.stub.vendor().messages.lock().unwrap().last_mut() {
            message[key] = value;
        }
    }

    pub fn requests(&self) -> Vec<Request> {
        self.stub.requests()
    }

    pub fn answer_next(&self, status: u16, headers: &[(&str, &str)], body: &str) {
        self.stub.answer_next("", status, headers, body);
    }

    pub fn play_next(&self, file: &str) {
        self.stub.play_next("", file);
    }

    pub fn drop_next(&self) {
        self.stub.drop_next("");
    }

    pub fn hang_next(&self) {
        self.stub.hang_next("");
    }

    /// Creates the next message and answers with this all the same: what makes an outcome unknown.
    pub fn create_and_answer_next(&self, to: &str, body: &str, status: u16) {
        let form = [("To", to), ("From", "+15550100199"), ("Body", body)];
        self.stub.vendor().create(&form.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect());
        self.answer_next(status, &[], "");
    }
}

impl Vendor for Twilio {
    fn refuse(&self, request: &Request) -> Option<Reply> {
        let credentials = format!("{}:{}", TwilioStub::ACCOUNT_SID, TwilioStub::AUTH_TOKEN);
        if request.header("authorization") != format!("Basic {}", STANDARD.encode(credentials)) {
            return Some(error(401, 20003, "Authenticate"));
        }
        if request.path != format!("/2010-04-01/Accounts/{}/Messages.json", TwilioStub::ACCOUNT_SID) {
            return Some(error(404, 20404, "The requested resource was not found"));
        }
        match request.method.as_str() {
            "GET" => None,
            "POST" => refuse_message(request),
            _ => Some(error(405, 20004, "Method not allowed")),
        }
    }

    fn answer(&self, request: &Request) -> Reply {
        match request.method.as_str() {
            "GET" => Reply::json(200, &self.list(&request.arguments())),
            _ => Reply::json(201, &self.create(&request.form())),
        }
    }
}

impl Twilio {
    fn create(&self, form: &BTreeMap<String, String>) -> Value {
        let mut messages = self.messages.lock().unwrap();
        let body = &form["Body"];
        // One character outside of GSM-7 makes the whole UCS-2; ASCII is near enough to GSM-7 here.
        let (whole, part) = if body.is_ascii() { (160, 153) } else { (70, 67) };
        let length = body.encode_utf16().count();
        let segments = if length <= whole { 1 } else { length.div_ceil(part) };
        let message = json!({
            "sid": format!("SM{:032x}", messages.len() + 1),
            "account_sid": TwilioStub::ACCOUNT_SID,
            "to": form["To"],
            "from": form.get("From"),
            "messaging_service_sid": form.get("MessagingServiceSid"),
            "body": body,
            "status": if form.contains_key("From") { "queued" } else { "accepted" },
            "direction": "outbound-api",
            "num_segments": segments.to_string(),
            "num_media": "0",
            "date_created": self.now.lock().unwrap().to_rfc2822(),
            "date_sent": null,
            "error_code": null,
            "error_message": null,
        });
        messages.push(message.clone());
        message
    }

    fn list(&self, arguments: &BTreeMap<String, String>) -> Value {
        let messages = self.messages.lock().unwrap();
        let wanted = messages.iter().rev().filter(|message| arguments.get("To").is_none_or(|to| message["to"] == **to));
        let page: usize = arguments.get("PageSize").map_or(50, |size| size.parse().unwrap());
        json!({ "messages": wanted.take(page).collect::<Vec<_>>(), "page": 0, "page_size": page, "next_page_uri": null })
    }
}

fn refuse_message(request: &Request) -> Option<Reply> {
    if request.header("content-type") != "application/x-www-form-urlencoded" {
        return Some(error(400, 21604, "A 'To' phone number is required"));
    }
    let form = request.form();
    let text = |key: &str| form.get(key).map_or("", String::as_str);
    let is_number = |text: &str| text.starts_with('+') && text[1..].bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(text("To")) {
        return Some(error(400, 21211, &format!("The 'To' number {} is not a valid phone number.", text("To"))));
    }
    if !is_number(text("From")) && !text("MessagingServiceSid").starts_with("MG") {
        return Some(error(400, 21212, "The 'From' number is not a valid phone number"));
    }
    let length = text("Body").chars().count();
    (length == 0 || length > BODY_CHARS_MAX).then(|| error(400, 21617, "The body is empty or too long"))
}

fn error(status: u16, code: u32, message: &str) -> Reply {
    let more_info = format!("https://www.twilio.com/docs/errors/{code}");
    Reply::json(status, &json!({ "code": code, "message": message, "more_info": more_info, "status": status }))
}
