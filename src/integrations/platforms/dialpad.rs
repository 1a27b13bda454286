//! Dialpad. Facts: developers.dialpad.com "Call -- List" and dialpad-python-sdk (`resources/calls_resource.py`,
//! `schemas/call.py`): `GET /api/v2/call` with `started_after` and `started_before` in milliseconds and `cursor`; `{items,
//! cursor}`; calls that are over only, the latest first; 1,200 requests a minute; a company admin's key with the scope
//! `calls:list`, as a bearer token.
//!
//! An item has the fields of the call event. Its `state` is "the current call state", of which no sample was found: what
//! is no word for the end of a call is read as `hangup`, since only calls that are over are listed. Low confidence: whether
//! the bounds of the window are within it.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use super::ask::Caller;
use super::{Error, Listing, Window};

/// States that say how a call ended.
const ENDS: &[&str] = &["hangup", "missed", "blocked", "voicemail_uploaded"];

/// The calls of a company.
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
        let Some(cursor) = self.next.take() else { return Ok(None) };
        // After is later than, so the first moment is asked for by the one before.
        let after = (self.window.since.timestamp_millis() - 1).to_string();
        let before = self.window.until.timestamp_millis().to_string();
        let mut arguments = vec![("started_after", after.as_str()), ("started_before", before.as_str())];
        arguments.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
        let url = self.caller.url(&["api", "v2", "call"], &arguments)?;
        let request = || self.caller.client().get(url.clone()).bearer_auth(self.caller.api_key.expose());
        let mut answer = self.caller.ask(request).await?;
        // A page without calls has no `items` at all.
        let items = match answer.get("items") {
            None if answer.is_object() => Vec::new(),
            _ => self.caller.list(&mut answer, &["items"])?,
        };
        let next = answer["cursor"].as_str().filter(|next| !next.is_empty()).map(str::to_owned);
        if next.is_some() && next == cursor {
            return Err(self.caller.unreadable("the list goes round in a circle"));
        }
        self.next = next.map(Some);
        Ok(Some(items.into_iter().map(ended).collect()))
    }
}

impl Listing for Calls {
    fn next_page(&mut self) -> BoxFuture<'_, Result<Option<Vec<Value>>, Error>> {
        self.page().boxed()
    }
}

/// As the event of its end.
fn ended(mut call: Value) -> Value {
    let state = match call["state"].as_str() {
        Some(state) if ENDS.contains(&state) => return call,
        Some("voicemail") => "voicemail_uploaded",
        _ => "hangup",
    };
    if let Some(call) = call.as_object_mut() {
        call.insert("state".to_owned(), json!(state));
    }
    call
}
