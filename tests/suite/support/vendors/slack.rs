//! A stand-in for Slack's incoming webhooks: it takes what Slack would take, and says `ok`.

use super::scripted::{Reply, Request, Stub, Vendor};

/// The path of the only webhook that exists.
const PATH: &str = "/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX";

/// Slack.
pub struct SlackStub {
    /// What belongs into `webhook_url`.
    pub webhook_url: String,
    stub: Stub<Slack>,
}

struct Slack;

impl SlackStub {
    pub async fn start() -> Self {
        let stub = Stub::start(Slack).await;
        Self { webhook_url: format!("{}{PATH}", stub.base_url), stub }
    }

    /// The texts that were posted, as Slack got them.
    pub fn texts(&self) -> Vec<String> {
        self.requests().iter().filter_map(|request| request.json()["text"].as_str().map(str::to_owned)).collect()
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
}

impl Vendor for Slack {
    fn refuse(&self, request: &Request) -> Option<Reply> {
        if request.path != PATH {
            return Some(Reply::text(404, "no_service"));
        }
        if request.method != "POST" {
            return Some(Reply::text(405, ""));
        }
        let body = request.json();
        if !request.header("content-type").starts_with("application/json") || !body.is_object() {
            return Some(Reply::text(400, "invalid_payload"));
        }
        match body["text"].as_str() {
            None | Some("") => Some(Reply::text(400, "no_text")),
            // Slack would show what is not escaped as a link or a mention; nothing of ours is one.
            Some(text) if !is_escaped(text) => Some(Reply::text(400, "invalid_payload")),
            Some(_) => None,
        }
    }

    fn answer(&self, _: &Request) -> Reply {
        Reply::text(200, "ok")
    }
}

fn is_escaped(text: &str) -> bool {
    let ampersands = text.split('&').skip(1);
    !text.contains(['<', '>'])
        && ampersands.into_iter().all(|rest| ["amp;", "lt;", "gt;"].iter().any(|entity| rest.starts_with(entity)))
}
