//! A stand-in for the list API of a platform: it wants the key and the arguments that the platform wants, filters by the
//! start of the calls, and gives two calls a page.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::vendors::scripted::{Reply, Request, Stub, Vendor};

/// Calls a page, whatever is asked for: a platform may give fewer.
const PAGE: usize = 2;

/// One platform.
pub struct PlatformStub {
    pub base_url: String,
    stub: Stub<Platform>,
}

struct Platform {
    name: &'static str,
    /// As the platform has them, whole.
    records: Mutex<Vec<(DateTime<Utc>, Value)>>,
    /// Pages that were given.
    pages: AtomicUsize,
    /// From this page on the list fails.
    fails_from: AtomicUsize,
}

impl PlatformStub {
    pub const KEY: &str = "key-that-lists";

    pub async fn start(name: &'static str) -> Self {
        let vendor = Platform {
            name,
            records: Mutex::default(),
            pages: AtomicUsize::new(0),
            fails_from: AtomicUsize::new(usize::MAX),
        };
        let stub = Stub::start(vendor).await;
        Self { base_url: stub.base_url.clone(), stub }
    }

    /// A call as the platform has it, and when it began.
    pub fn add(&self, began_at: DateTime<Utc>, record: Value) {
        self.stub.vendor().records.lock().unwrap().push((began_at, record));
    }

    /// Changes all calls.
    pub fn change(&self, change: impl Fn(&mut Value)) {
        self.stub.vendor().records.lock().unwrap().iter_mut().for_each(|(_, record)| change(record));
    }

    /// From this page on, counted from one, the list fails for good.
    pub fn fail_from_page(&self, page: usize) {
        self.stub.vendor().pages.store(0, Ordering::SeqCst);
        self.stub.vendor().fails_from.store(page, Ordering::SeqCst);
    }

    pub fn answer_next(&self, path: &'static str, status: u16, headers: &[(&str, &str)], body: &str) {
        self.stub.answer_next(path, status, headers, body);
    }

    pub fn requests(&self) -> Vec<Request> {
        self.stub.requests()
    }

    /// How many requests had a path with this in it.
    pub fn asked(&self, part: &str) -> usize {
        self.requests().iter().filter(|request| request.path.contains(part)).count()
    }
}

impl Vendor for Platform {
    fn refuse(&self, request: &Request) -> Option<Reply> {
        let bearer = request.header("authorization") == format!("Bearer {}", PlatformStub::KEY);
        let is_authorized = match self.name {
            "elevenlabs" => request.header("xi-api-key") == PlatformStub::KEY,
            "voicenter" => request.json()["code"] == PlatformStub::KEY,
            _ => bearer,
        };
        if !is_authorized {
            return Some(match self.name {
                "voicenter" => Reply::json(403, &json!({ "ERROR_NUMBER": 2, "STATUS_CODE": 403 })),
                _ => Reply::json(401, &json!({ "message": "unauthorized" })),
            });
        }
        let wanted = match (self.name, request.path.as_str()) {
            ("retell", "/v3/list-calls") | ("voicenter", "/hub/cdr/") => "POST",
            ("retell", path) if path.starts_with("/v2/get-call/") => "GET",
            ("elevenlabs", path) if path.starts_with("/v1/convai/conversations") => "GET",
            ("bolna", path) if path == "/v2/agent/all" || path.ends_with("/executions") => "GET",
            ("dialpad", "/api/v2/call") => "GET",
            _ => return Some(Reply::json(404, &json!({ "message": "no such path" }))),
        };
        (request.method != wanted).then(|| Reply::json(405, &json!({})))
    }

    fn answer(&self, request: &Request) -> Reply {
        let last = request.path.rsplit('/').next().unwrap_or_default();
        match (self.name, request.path.as_str()) {
            ("retell", path) if path.starts_with("/v2/get-call/") => self.one("call_id", last),
            ("elevenlabs", path) if path.starts_with("/v1/convai/conversations/") => self.one("conversation_id", last),
            ("bolna", "/v2/agent/all") => Reply::json(200, &json!([{ "id": "agent-1" }, { "id": "agent-2" }])),
            _ => self.page(request).unwrap_or_else(|what| Reply::json(422, &json!({ "message": what }))),
        }
    }
}

impl Platform {
    fn one(&self, key: &str, id: &str) -> Reply {
        let records = self.records.lock().unwrap();
        match records.iter().find(|(_, record)| record[key] == id) {
            Some((_, record)) => Reply::json(200, record),
            None => Reply::json(404, &json!({ "message": "not found" })),
        }
    }

    /// A page of the calls that began within the bounds that are asked for; the error says what is wrong with them.
    fn page(&self, request: &Request) -> Result<Reply, &'static str> {
        let (from, to, start) = self.asked(request)?;
        if self.pages.fetch_add(1, Ordering::SeqCst) + 1 >= self.fails_from.load(Ordering::SeqCst) {
            return Err("broken");
        }
        let agent = request.path.split('/').nth(3).unwrap_or_default();
        let is_of_agent = |record: &Value| self.name != "bolna" || record["agent_id"] == agent;
        let records = self.records.lock().unwrap();
        let found: Vec<&Value> = records
            .iter()
            .filter(|(began_at, record)| (from..=to).contains(began_at) && is_of_agent(record))
            .map(|(_, record)| record)
            .collect();
        let end = if self.name == "voicenter" { found.len() } else { (start + PAGE).min(found.len()) };
        let items: Vec<Value> = found[start.min(end)..end].iter().map(|record| self.shown(record)).collect();
        let next = (end < found.len()).then(|| end.to_string());
        let has_more = next.is_some();
        Ok(Reply::json(
            200,
            &match self.name {
                "retell" => json!({ "items": items, "has_more": has_more, "pagination_key": next }),
                "elevenlabs" => json!({ "conversations": items, "has_more": has_more, "next_cursor": next }),
                "bolna" => json!({ "data": items, "has_more": has_more, "total": found.len() }),
                "dialpad" if items.is_empty() => json!({}),
                "dialpad" if has_more => json!({ "items": items, "cursor": next }),
                "dialpad" => json!({ "items": items }),
                _ => {
                    json!({ "ERROR_NUMBER": 0, "TOTAL_HITS": items.len(), "RETURN_HITS": items.len(), "CDR_LIST": items })
                }
            },
        ))
    }

    /// From when, until when, and the place of the first.
    fn asked(&self, request: &Request) -> Result<(DateTime<Utc>, DateTime<Utc>, usize), &'static str> {
        let arguments = request.arguments();
        let body = request.json();
        let number =
            |name: &str| arguments.get(name).and_then(|text| text.parse::<i64>().ok()).ok_or("a bound is missing");
        let place = |text: Option<&str>| text.map_or(Ok(0), |text| text.parse().map_err(|_| "no such page"));
        let millis = |ms: i64| DateTime::from_timestamp_millis(ms).ok_or("no time");
        Ok(match self.name {
            "retell" => {
                let filter = &body["filter_criteria"]["start_timestamp"];
                if filter["type"] != "range" || filter["op"] != "bt" || body["sort_order"] != "ascending" {
                    return Err("no filter by start");
                }
                let bound = |place: usize| filter["value"][place].as_i64().ok_or("no bound").and_then(millis);
                (bound(0)?, bound(1)?, place(body["pagination_key"].as_str())?)
            }
            "elevenlabs" => {
                if number("page_size")? > 100 {
                    return Err("page_size is 100 at most");
                }
                let at = |name: &str| number(name).and_then(|seconds| millis(seconds * 1000));
                let start = place(arguments.get("cursor").map(String::as_str))?;
                (at("call_start_after_unix")?, at("call_start_before_unix")?, start)
            }
            "bolna" => {
                let at = |name: &str| {
                    arguments.get(name).and_then(|text| text.parse().ok()).ok_or("from and to are required")
                };
                let (from, to): (DateTime<Utc>, DateTime<Utc>) = (at("from")?, at("to")?);
                if number("page_size")? > 50 || to - from > TimeDelta::days(7) {
                    return Err("50 a page, seven days");
                }
                (from, to, (usize::try_from(number("page_number")?).unwrap() - 1) * PAGE)
            }
            "dialpad" => {
                let (after, before) = (number("started_after")?, number("started_before")?);
                let start = place(arguments.get("cursor").map(String::as_str))?;
                (millis(after + 1)?, millis(before - 1)?, start)
            }
            _ => {
                let at = |name: &str| {
                    let text = body["search"][name].as_str().ok_or("no bound")?;
                    let time = NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S");
                    time.map(|time| time.and_utc()).map_err(|_| "no time")
                };
                let asks_for_ids = body["fields"].as_array().is_some_and(|fields| fields.contains(&json!("CallID")));
                if !asks_for_ids {
                    return Err("no fields");
                }
                (at("fromdate")?, at("todate")?, 0)
            }
        })
    }

    /// As the list has it.
    fn shown(&self, record: &Value) -> Value {
        let mut shown = record.clone();
        match self.name {
            "retell" => {
                let fields = shown.as_object_mut().unwrap();
                for field in ["transcript", "transcript_object", "transcript_with_tool_calls", "recording_url"] {
                    fields.remove(field);
                }
                shown
            }
            "elevenlabs" => json!({
                "conversation_id": record["conversation_id"],
                "agent_id": record["agent_id"],
                "status": record["status"],
                "start_time_unix_secs": record["metadata"]["start_time_unix_secs"],
                "call_duration_secs": record["metadata"]["call_duration_secs"],
                "message_count": 2,
                "call_successful": "success",
            }),
            _ => shown,
        }
    }
}
