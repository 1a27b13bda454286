//! ElevenLabs. Facts: the API reference "List conversations" and "Get conversation details", elevenlabs-python (`GET
//! /v1/convai/conversations` with `call_start_after_unix`, `call_start_before_unix`, `page_size` of 100 at most, `cursor`;
//! `{conversations, has_more, next_cursor}`; the key in `xi-api-key`), and the provider's FACTS: what the details of a
//! conversation say is the `data` of `post_call_transcription`. 429 comes for concurrency, seldom with `Retry-After`
//! (help page "API - Error Code 429"), so requests go one after the other.
//!
//! The list has no transcript; what matters is asked for one by one. A conversation that is still being processed is
//! left for the next time. Low confidence: whether the bounds of the window are within it.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use super::ask::Caller;
use super::{Error, Listing, Window};

/// Conversations asked for at once: the most that the API allows.
const PAGE_CONVERSATIONS: &str = "100";

/// The conversations of an account.
pub(super) struct Conversations {
    caller: Caller,
    window: Window,
    /// Where the next page begins; `None`: there is none.
    next: Option<Option<String>>,
}

impl Conversations {
    pub(super) fn new(caller: Caller, window: Window) -> Self {
        Self { caller, window, next: Some(None) }
    }

    async fn page(&mut self) -> Result<Option<Vec<Value>>, Error> {
        let Some(cursor) = self.next.take() else { return Ok(None) };
        let bounds = [self.window.since.timestamp().to_string(), self.window.until.timestamp().to_string()];
        let mut arguments = vec![
            ("call_start_after_unix", bounds[0].as_str()),
            ("call_start_before_unix", bounds[1].as_str()),
            ("page_size", PAGE_CONVERSATIONS),
        ];
        arguments.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
        let mut answer = self.get(&["v1", "convai", "conversations"], &arguments).await?;
        let items = self.caller.list(&mut answer, &["conversations"])?;
        let next = match answer["has_more"].as_bool() {
            Some(false) => None,
            _ => answer["next_cursor"].as_str().filter(|next| !next.is_empty()).map(str::to_owned),
        };
        if next.is_some() && next == cursor {
            return Err(self.caller.unreadable("the list goes round in a circle"));
        }
        self.next = next.map(Some);
        let is_ready = |item: &Value| item["status"].as_str().is_none_or(|status| status != "processing");
        Ok(Some(items.into_iter().filter(is_ready).map(|item| summary(&item)).collect()))
    }

    async fn conversation(&self, id: &str) -> Result<Option<Value>, Error> {
        match self.get(&["v1", "convai", "conversations", id], &[]).await {
            Ok(data) => Ok(Some(wrapped(data))),
            Err(Error::Refused { status: 404, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn get(&self, path: &[&str], arguments: &[(&str, &str)]) -> Result<Value, Error> {
        let url = self.caller.url(path, arguments)?;
        self.caller
            .ask(|| self.caller.client().get(url.clone()).header("xi-api-key", self.caller.api_key.expose()))
            .await
    }
}

impl Listing for Conversations {
    fn next_page(&mut self) -> BoxFuture<'_, Result<Option<Vec<Value>>, Error>> {
        self.page().boxed()
    }

    fn is_short(&self) -> bool {
        true
    }

    fn whole<'a>(&'a self, call_id: &'a str) -> BoxFuture<'a, Result<Option<Value>, Error>> {
        self.conversation(call_id).boxed()
    }
}

/// The item of a list, in the places where the details have the same.
fn summary(item: &Value) -> Value {
    wrapped(json!({
        "conversation_id": item["conversation_id"],
        "agent_id": item["agent_id"],
        "status": item["status"],
        "metadata": {
            "start_time_unix_secs": item["start_time_unix_secs"],
            "call_duration_secs": item["call_duration_secs"],
        },
        "analysis": { "call_successful": item["call_successful"], "transcript_summary": item["transcript_summary"] },
    }))
}

/// As the webhook that was to tell of it.
fn wrapped(data: Value) -> Value {
    json!({ "type": "post_call_transcription", "data": data })
}
