//! Questions at the door: verified like webhooks, stored like webhooks, and answered while somebody waits.

use std::pin::pin;
use std::time::{Duration, Instant};

use actix_web::http::Method;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::future::{Either, select};
use serde_json::Value;

use super::answer;
use super::budgets::{Class, LIVE_BYTES_MAX};
use super::server::Door;
use super::webhooks;
use crate::domain::{FunctionCall, Party, Question};
use crate::inbox::{Accepted, NewEvent};
use crate::live::{Asker, Live, Steps};
use crate::providers::{Asked, Delivery, Document, LiveRequests, Provider, Refusal, function as form};
use crate::redact::Hidden;

/// How long an answer that is ready waits for its event to be on disk.
const STORED_TIMEOUT: Duration = Duration::from_millis(100);

/// What a URL takes.
#[derive(Clone, Debug)]
pub(super) enum Ask {
    /// Webhooks, and questions that say themselves what they are.
    Anything,
    /// Who is calling?
    Caller,
    /// A function; its name, where the URL has it.
    Function(Option<String>),
    /// Which functions there are.
    Functions,
}

/// `/webhooks/{provider}/{connection}/inbound`.
pub(super) async fn inbound(request: HttpRequest, payload: Payload, door: Data<Door>) -> HttpResponse {
    webhooks::walk(request, payload, door, &Ask::Caller).await
}

/// `/webhooks/{provider}/{connection}/function` and `…/function/{function}`.
pub(super) async fn function(request: HttpRequest, payload: Payload, door: Data<Door>) -> HttpResponse {
    let name = request.match_info().get("function").map(str::to_owned);
    webhooks::walk(request, payload, door, &Ask::Function(name)).await
}

/// `/webhooks/{provider}/{connection}/functions`: what there is to call, as one pastes it into the platform's form. It
/// says nothing of anybody.
pub(super) async fn functions(request: HttpRequest, payload: Payload, door: Data<Door>) -> HttpResponse {
    webhooks::walk(request, payload, door, &Ask::Functions).await
}

impl Ask {
    /// Whose memory its body takes.
    pub(super) fn class(&self) -> Class {
        match self {
            Self::Anything => Class::Webhook,
            Self::Caller | Self::Function(_) | Self::Functions => Class::Live,
        }
    }

    /// The longest body that it takes, where the platform may send `limit` bytes.
    pub(super) fn body_limit(&self, limit: usize) -> usize {
        if self.class() == Class::Live { limit.min(LIVE_BYTES_MAX) } else { limit }
    }

    /// What its limit of a body is called.
    pub(super) fn limit_name(&self) -> &'static str {
        if self.class() == Class::Live { "live requests are short" } else { "http.body_bytes_max" }
    }

    /// The question that a GET asks.
    pub(super) fn lookup(&self, provider: &dyn Provider, query: &str) -> Option<String> {
        match self {
            Self::Caller => provider.lookup(query),
            Self::Anything | Self::Function(_) | Self::Functions => None,
        }
    }

    /// What a request to this URL may ask for, before it is read.
    pub(super) fn possible(&self) -> &'static [Asked] {
        match self {
            Self::Anything => &[Asked::Webhook, Asked::LiveAnswer, Asked::ToolCall],
            Self::Caller => &[Asked::LiveAnswer],
            Self::Function(_) => &[Asked::ToolCall],
            Self::Functions => &[Asked::ToolList],
        }
    }

    /// What a GET that says nothing asks for.
    pub(super) fn of_get(&self) -> Asked {
        match self {
            Self::Functions => Asked::ToolList,
            Self::Anything | Self::Caller | Self::Function(_) => Asked::Status,
        }
    }

    /// Reads a verified request; and whether the body itself names the function that it calls.
    pub(super) fn document(
        &self,
        provider: &dyn Provider,
        delivery: &Delivery<'_>,
        method: &Method,
    ) -> Result<(Document, bool), Refusal> {
        if *method == Method::GET
            && let Some(asked) = self.lookup(provider, delivery.query)
        {
            return Ok((Document::of(provider, asked)?, true));
        }
        let document = Document::read(provider, delivery)?;
        let (arguments_of, names_tool) = match self {
            // The arguments alone, whatever they look like: a model writes them. The name is in the URL.
            Self::Function(Some(name)) => (name.as_str(), false),
            Self::Function(None) if !form::is_whole(&document.payload) => ("", false),
            // Where nothing is signed, a call around the arguments is what a form on the platform says, or its model.
            Self::Anything | Self::Caller | Self::Function(None)
                if provider.live_requests() == LiveRequests::Unsigned && form::is_whole(&document.payload) =>
            {
                (document.payload.get("name").and_then(Value::as_str).unwrap_or_default(), true)
            }
            _ => return Ok((document, true)),
        };
        let arguments_of = arguments_of.to_owned();
        let whole = form::whole(provider.own_arguments(), &arguments_of, document.payload);
        Ok((Document::of(provider, whole.to_string())?, names_tool))
    }

    /// Refuses what is no question where only questions are taken.
    pub(super) fn must_be_a_question(&self) -> Result<(), Refusal> {
        match self {
            Self::Anything => Ok(()),
            _ => Err(Refusal::Unreadable("this URL takes questions only, and this is none".to_owned())),
        }
    }
}

/// A question, with the event that it is stored as.
pub(super) struct Posed<'a> {
    pub(super) provider: &'static dyn Provider,
    pub(super) question: Question,
    pub(super) payload: &'a Value,
    pub(super) event: NewEvent,
}

/// An answer, on its way.
pub(super) struct Answered {
    provider: &'static str,
    endpoint: &'static str,
    /// What became of its event; `None`: it was not stored in time.
    accepted: Option<Accepted>,
    /// How it was found: `database`, `fallback`, or what a function came to.
    by: &'static str,
    body: Hidden<Value>,
    took: Duration,
}

/// Answers a question, in time.
pub(super) async fn answer(door: &Door, live: &Live, asked: Posed<'_>, began: Instant) -> Answered {
    let asker = Asker {
        connection_id: asked.event.connection_id,
        tenant_id: asked.event.tenant_id,
        provider: asked.provider.name(),
    };
    let mut steps = Steps::since(began);
    steps.done("door");
    let answered = match &asked.question {
        Question::Caller(party) => caller(door, live, asker, &asked, party, &mut steps).await,
        Question::Function(call) => function_call(live, asker, &asked, call, &mut steps).await,
    };
    let is_fallback = ["fallback", "failed"].contains(&answered.by);
    live.answered(answered.endpoint, asker, is_fallback, &steps);
    if let Some(accepted) = answered.accepted {
        door.metrics.answered(answered.provider, answer::outcome(accepted), steps.elapsed());
    }
    Answered { took: steps.elapsed(), ..answered }
}

/// The event goes to the disk while the caller is looked up. The answer waits for it a moment and no longer, since uploads
/// may stand before it: a question that is answered and not stored loses nothing, for the call itself is reported; silence
/// on the line loses the caller.
async fn caller(
    door: &Door,
    live: &Live,
    asker: Asker,
    asked: &Posed<'_>,
    party: &Party,
    steps: &mut Steps,
) -> Answered {
    let (stored, (told, is_fallback)) = {
        let store = pin!(door.committer.store(asked.event.clone(), None));
        let told = pin!(live.caller(asker, party, steps));
        match select(told, store).await {
            Either::Left((told, store)) => (tokio::time::timeout(STORED_TIMEOUT, store).await.ok(), told),
            Either::Right((stored, told)) => (Some(stored), told.await),
        }
    };
    steps.done("event");
    Answered {
        provider: asker.provider,
        endpoint: "caller",
        accepted: stored.and_then(Result::ok),
        by: if is_fallback { "fallback" } else { "database" },
        body: Hidden::new(asked.provider.tell(asked.payload, &told)),
        took: Duration::ZERO,
    }
}

async fn function_call(
    live: &Live,
    asker: Asker,
    asked: &Posed<'_>,
    call: &FunctionCall,
    steps: &mut Steps,
) -> Answered {
    let answer = live.function(asker, call, &asked.event, steps).await;
    Answered {
        provider: asker.provider,
        endpoint: "function",
        accepted: answer.event,
        by: answer.outcome.as_str(),
        body: answer.body,
        took: Duration::ZERO,
    }
}

impl Answered {
    /// One line for each answer.
    pub(super) fn log(&self, connection: Option<&str>, bytes: usize) {
        tracing::info!(
            provider = self.provider,
            connection,
            endpoint = self.endpoint,
            by = self.by,
            outcome = self.accepted.map_or("not stored", answer::outcome),
            bytes,
            took_us = u64::try_from(self.took.as_micros()).unwrap_or(u64::MAX),
            "question"
        );
    }

    /// 200, with the answer; the headers say how it was found, and what became of the event.
    pub(super) fn response(self) -> HttpResponse {
        let mut response = HttpResponse::Ok();
        response.insert_header(("Switchhook-Answer", self.by));
        match self.accepted {
            Some(accepted) => {
                let id = accepted.id();
                response.insert_header(("Switchhook-Outcome", answer::outcome(accepted)));
                response.insert_header(("Switchhook-Event", id.to_string()));
            }
            None => {
                response.insert_header(("Switchhook-Outcome", "not stored"));
            }
        }
        response.json(self.body.expose())
    }
}
