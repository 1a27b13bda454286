//! Retell. Facts: retell-sdk for Python (`resources/call.py`, `types/call_list_params.py` and `api.md` of 2026: `POST
//! /v3/list-calls`, `GET /v2/get-call/{call_id}`) and the docs page "List Calls (Deprecated)": the list of version 3
//! leaves transcripts and recordings out, which are asked for call by call. The key is a bearer token (docs).
//!
//! `{items, pagination_key, has_more}` is in the SDK of 2026; before, the answer was the list itself and the key the last
//! call's id, which is read as well. Low confidence: how many calls one page may hold (100 is asked for), and whether a
//! call that never connected, which has no start, is in a list filtered by start.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use super::ask::Caller;
use super::{Error, Listing, Window};

/// Calls asked for at once.
const PAGE_CALLS: usize = 100;

/// The calls of an account.
pub(super) struct Calls {
    caller: Caller,
    window: Window,
    /// Where the next page begins; `None`: there is none.
    next: Option<Option<String>>,
}

impl Calls {
    pub(super) fn new(caller: Caller, window: Window) -> Self {
        Self { caller, window, next: Some(None) }
    }

    async fn page(&mut self) -> Result<Option<Vec<Value>>, Error> {
        let Some(key) = self.next.take() else { return Ok(None) };
        // Both bounds are within what is found.
        let bounds = [self.window.since.timestamp_millis(), self.window.until.timestamp_millis() - 1];
        let mut body = json!({
            "filter_criteria": { "start_timestamp": { "type": "range", "op": "bt", "value": bounds } },
            "limit": PAGE_CALLS,
            "sort_order": "ascending",
        });
        if let Some(key) = &key {
            body["pagination_key"] = json!(key);
        }
        let url = self.caller.url(&["v3", "list-calls"], &[])?;
        let request = || {
            let request = self.caller.client().post(url.clone()).bearer_auth(self.caller.api_key.expose());
            request.json(&body)
        };
        let mut answer = self.caller.ask(request).await?;
        let items = self.caller.list(&mut answer, &["items", "calls", "data"])?;
        let next = match answer.get("has_more").and_then(Value::as_bool) {
            Some(true) => answer["pagination_key"].as_str().map(str::to_owned),
            Some(false) => None,
            None if items.len() >= PAGE_CALLS => {
                items.last().and_then(|call| call["call_id"].as_str()).map(str::to_owned)
            }
            None => None,
        };
        if next.is_some() && next == key {
            return Err(self.caller.unreadable("the list goes round in a circle"));
        }
        self.next = next.map(Some);
        Ok(Some(items.into_iter().map(wrapped).collect()))
    }

    async fn call(&self, call_id: &str) -> Result<Option<Value>, Error> {
        let url = self.caller.url(&["v2", "get-call", call_id], &[])?;
        let request = || self.caller.client().get(url.clone()).bearer_auth(self.caller.api_key.expose());
        match self.caller.ask(request).await {
            Ok(call) => Ok(Some(wrapped(call))),
            Err(Error::Refused { status: 404, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl Listing for Calls {
    fn next_page(&mut self) -> BoxFuture<'_, Result<Option<Vec<Value>>, Error>> {
        self.page().boxed()
    }

    fn is_short(&self) -> bool {
        true
    }

    fn whole<'a>(&'a self, call_id: &'a str) -> BoxFuture<'a, Result<Option<Value>, Error>> {
        self.call(call_id).boxed()
    }
}

/// As the webhook that was to tell of it.
fn wrapped(mut call: Value) -> Value {
    let is_there = |field: &str| call.get(field).is_some_and(|value| !value.is_null());
    // The docs' own sample of a call that is over has the status `registered`.
    let is_over = is_there("end_timestamp")
        || is_there("disconnection_reason")
        || call["call_status"].as_str().is_some_and(|status| !["registered", "ongoing"].contains(&status));
    let event = match is_over {
        false => "call_started",
        true if is_there("call_analysis") => "call_analyzed",
        true => "call_ended",
    };
    // Without an end of its own the time of the webhook would be the end; there is no webhook here.
    if is_over
        && !is_there("end_timestamp")
        && let Some(start) = call["start_timestamp"].as_i64()
    {
        call["end_timestamp"] = json!(start.saturating_add(call["duration_ms"].as_i64().unwrap_or(0)));
    }
    json!({ "event": event, "call": call })
}
