//! Stand-ins for WhatsApp and OpenAI, on loopback and for the story alone: they take what the real ones take, answer as
//! these do, and keep what they were asked.

use std::net::TcpListener;
use std::sync::{Arc, Mutex, PoisonError};

use actix_web::dev::{Server, ServerHandle};
use actix_web::web::{self, Data, Json};
use actix_web::{App, HttpResponse, HttpServer};
use serde_json::{Value, json};

/// What the stand-in finds in a call.
const CALL: &str = include_str!("analyze_call.json");
/// What it finds in all calls of a person.
const LEAD: &str = include_str!("analyze_lead.json");

/// Both, listening.
pub(in crate::cli) struct Vendors {
    /// `http://127.0.0.1:<port>`.
    pub(in crate::cli) base_url: String,
    desk: Data<Desk>,
    handle: ServerHandle,
}

/// What was asked.
#[derive(Default)]
struct Desk {
    asked: Mutex<Vec<Asked>>,
}

/// One request.
#[derive(Clone, Debug)]
pub(in crate::cli) struct Asked {
    /// What a person would want to know of it.
    pub(in crate::cli) line: String,
    /// Who is written to, if somebody is.
    pub(in crate::cli) to: Option<String>,
    /// The id of the message in the answer.
    pub(in crate::cli) message_id: Option<String>,
}

impl Desk {
    /// Nothing panics while the list is held; and if something did, what is in it would still be true.
    fn list(&self) -> std::sync::MutexGuard<'_, Vec<Asked>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Vendors {
    /// Starts them on a free port.
    pub(in crate::cli) fn start() -> std::io::Result<Self> {
        let desk: Data<Desk> = Data::from(Arc::new(Desk::default()));
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let base_url = format!("http://{}", listener.local_addr()?);
        let server: Server = HttpServer::new({
            let desk = desk.clone();
            move || {
                App::new()
                    .app_data(desk.clone())
                    .route("/whatsapp/{sender}/messages", web::post().to(message))
                    .route("/openai/responses", web::post().to(response))
            }
        })
        .workers(1)
        .disable_signals()
        .listen(listener)?
        .run();
        let handle = server.handle();
        tokio::spawn(server);
        Ok(Self { base_url, desk, handle })
    }

    /// Everything that was asked so far.
    pub(in crate::cli) fn asked(&self) -> Vec<Asked> {
        self.desk.list().clone()
    }

    pub(in crate::cli) async fn stop(self) {
        self.handle.stop(false).await;
    }
}

async fn message(desk: Data<Desk>, Json(body): Json<Value>) -> HttpResponse {
    let text = |path: &str| body.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
    let to = text("/to");
    let what = match text("/template/name") {
        template if !template.is_empty() => {
            format!("template {template}, for {}", text("/template/components/0/parameters/0/text"))
        }
        _ => format!("\"{}\"", text("/text/body")),
    };
    let mut asked = desk.list();
    let message_id = format!("wamid.story{}", asked.len());
    let line = format!("WhatsApp to +{to}: {what}");
    asked.push(Asked { line, to: Some(to.clone()), message_id: Some(message_id.clone()) });
    HttpResponse::Ok().json(json!({
        "messaging_product": "whatsapp",
        "contacts": [{ "input": to, "wa_id": to }],
        "messages": [{ "id": message_id, "message_status": "accepted" }],
    }))
}

async fn response(desk: Data<Desk>, Json(body): Json<Value>) -> HttpResponse {
    let schema = body.pointer("/text/format/name").and_then(Value::as_str).unwrap_or_default();
    let output = if schema == "analyze_lead" { LEAD } else { CALL };
    let line = format!("OpenAI: {schema}, {} characters", body["input"].to_string().chars().count());
    let mut asked = desk.list();
    let id = format!("resp_story{}", asked.len());
    asked.push(Asked { line, to: None, message_id: None });
    HttpResponse::Ok().json(json!({
        "id": id, "object": "response", "status": "completed", "model": body["model"], "error": null,
        "incomplete_details": null,
        "output": [{ "id": "msg_story", "type": "message", "status": "completed", "role": "assistant",
            "content": [{ "type": "output_text", "annotations": [], "text": output }] }],
        "usage": { "input_tokens": 2_100, "input_tokens_details": { "cached_tokens": 0 }, "output_tokens": 420,
            "output_tokens_details": { "reasoning_tokens": 0 }, "total_tokens": 2_520 },
    }))
}
