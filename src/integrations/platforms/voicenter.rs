//! Voicenter's Call Log. Facts: Voicenter's own documents (`docs/skills/call-log` of its marketplace on GitHub) and the
//! provider's FACTS: `POST /hub/cdr/` with `{code, fields, search: {fromdate, todate, IdentityCriteria}, sort}`, times in
//! GMT; `{ERROR_NUMBER, STATUS_CODE, TOTAL_HITS, RETURN_HITS, CDR_LIST}`; 10,000 records at most and no pages, so a window
//! that holds more is halved; 30 requests a minute; `ERROR_NUMBER` 1: too many requests, 2: wrong code, 4: this address is
//! not allowed (the panel lists the addresses that may ask), 5: bad dates. CDRs appear some minutes after the call.
//!
//! A record is a CDR with other names, which the webhook's handler knows too. `CallID` is the webhook's `ivruniqueid`. What
//! Voicenter's AI says of a call is in the webhook only. Low confidence: whether the bounds of the window are within it, and
//! which HTTP status an error has; both are asked for.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use super::ask::Caller;
use super::{Error, Listing, Window};
use crate::integrations::{Answer, TransportError};

/// Records in one answer at most.
const RECORDS_MAX: u64 = 10_000;
/// The longest window that is asked for: the documents advise a day.
const WINDOW_MAX: TimeDelta = TimeDelta::days(1);
/// A window this short is not halved any more.
const WINDOW_MIN: TimeDelta = TimeDelta::minutes(1);
/// The wait between two requests: 30 a minute are allowed.
const PAUSE: Duration = Duration::from_secs(2);
/// The wait that the documents name for `ERROR_NUMBER` 1.
const LIMITED_WAIT: Duration = Duration::from_secs(5);
/// What is asked for of each call.
const FIELDS: &[&str] = &[
    "CallerNumber",
    "TargetNumber",
    "Date",
    "DateEpoch",
    "Duration",
    "CallID",
    "Type",
    "CdrType",
    "DialStatus",
    "Targetextension",
    "Callerextension",
    "DID",
    "QueueName",
    "RecordURL",
    "Price",
    "RingTime",
    "RepresentativeName",
    "RepresentativeCode",
    "DTMFData",
    "CustomData",
    "DepartmentName",
    "DepartmentId",
];

/// The Call Log of an account.
pub(super) struct CallLog {
    caller: Caller,
    /// What is still to be asked, the next last.
    windows: Vec<(DateTime<Utc>, DateTime<Utc>)>,
    has_asked: bool,
}

impl CallLog {
    pub(super) fn new(caller: Caller, window: Window) -> Self {
        let mut windows = Vec::new();
        let mut from = window.since;
        while from < window.until {
            let to = from.checked_add_signed(WINDOW_MAX).map_or(window.until, |to| to.min(window.until));
            windows.push((from, to));
            from = to;
        }
        windows.reverse();
        Self { caller: caller.reading(read), windows, has_asked: false }
    }

    async fn page(&mut self) -> Result<Option<Vec<Value>>, Error> {
        loop {
            let Some((from, to)) = self.windows.pop() else { return Ok(None) };
            if std::mem::replace(&mut self.has_asked, true) {
                tokio::time::sleep(PAUSE).await;
            }
            match self.ask(from, to).await {
                Ok(Some(records)) => return Ok(Some(records)),
                Ok(None) if to - from > WINDOW_MIN => self.halve(from, to),
                Ok(None) => return Err(self.caller.unreadable("more than 10,000 calls in one minute")),
                Err(Error::Transport { error: TransportError::TooLong, .. }) if to - from > WINDOW_MIN => {
                    self.halve(from, to);
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn halve(&mut self, from: DateTime<Utc>, to: DateTime<Utc>) {
        let middle = from + (to - from) / 2;
        self.windows.extend([(middle, to), (from, middle)]);
    }

    /// `None`: there are more than fit into an answer.
    async fn ask(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> Result<Option<Vec<Value>>, Error> {
        let time = |at: DateTime<Utc>| at.format("%Y-%m-%dT%H:%M:%S").to_string();
        // Whole seconds: the last one is taken in whole.
        let to = to + TimeDelta::milliseconds(999);
        let body = json!({
            "code": self.caller.api_key.expose(),
            "fields": FIELDS,
            "search": { "fromdate": time(from), "todate": time(to), "IdentityCriteria": "Account" },
            "sort": [{ "field": "date", "order": "asc" }],
        });
        let url = self.caller.url(&["hub", "cdr", ""], &[])?;
        let mut answer = self.caller.ask(|| self.caller.client().post(url.clone()).json(&body)).await?;
        let hits = |name: &str| answer.get(name).and_then(Value::as_u64);
        let is_cut = match (hits("TOTAL_HITS"), hits("RETURN_HITS")) {
            (Some(total), Some(returned)) => total > returned,
            (_, returned) => returned.is_some_and(|returned| returned >= RECORDS_MAX),
        };
        if is_cut {
            return Ok(None);
        }
        let records = self.caller.list(&mut answer, &["CDR_LIST", "cdr_list"])?;
        Ok(Some(records.into_iter().map(cdr).collect()))
    }
}

impl Listing for CallLog {
    fn next_page(&mut self) -> BoxFuture<'_, Result<Option<Vec<Value>>, Error>> {
        self.page().boxed()
    }
}

/// The number in the body counts over the status.
fn read(caller: &Caller, answer: &Answer) -> Result<Value, Error> {
    let platform = caller.platform;
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let number = body["ERROR_NUMBER"].as_i64().or_else(|| body["ERROR_NUMBER"].as_str()?.parse().ok());
    match number {
        Some(1) => Err(Error::Limited { platform, wait: Some(LIMITED_WAIT) }),
        Some(2) => Err(Error::NotAuthorized { platform, said: "error 2, wrong code".to_owned() }),
        Some(4) => {
            let said = "error 4, the panel does not allow requests from this address".to_owned();
            Err(Error::NotAuthorized { platform, said })
        }
        Some(number) if number != 0 => {
            Err(Error::Refused { platform, status: answer.status, said: format!("error {number}") })
        }
        _ => caller.read_by_status(answer),
    }
}

/// As the webhook names the id, so that calls of the dialer have it too.
fn cdr(mut record: Value) -> Value {
    let Some(fields) = record.as_object_mut() else { return record };
    let of = |name: &str| fields.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.clone());
    if of("ivruniqueid").is_none()
        && let Some(id) = of("callid")
    {
        fields.insert("ivruniqueid".to_owned(), id);
    }
    record
}
