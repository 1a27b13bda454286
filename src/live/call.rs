//! A function call: its request, what it does and what it answers commit together, once.

use std::panic::AssertUnwindSafe;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::FutureExt;
use serde_json::{Map, Value, json};
use sqlx::{AssertSqlSafe, PgConnection};

use super::lookups::Asked;
use super::tenant::{self, Asker};
use super::words::words;
use super::{Live, Steps, limits};
use crate::crypto::{DigestKey, hex};
use crate::db;
use crate::dispatch::{Args, Called, Function, Reply, Run, Stop, Writing};
use crate::domain::{FunctionCall, Language, lead_id, phone};
use crate::inbox::{self, Accepted, NewEvent};
use crate::redact::{Hidden, Phone};
use crate::store::forgotten;

/// How often a call may repeat what it did before, with something else in between: the platform gives no ids, so what
/// came in between tells a second wish from a retry.
const REPETITIONS_MAX: usize = 10;
/// How long the same wish counts as a retry where the platform names neither a call nor a call of the function: longer
/// than platforms try again, and shorter than a caller needs to want the same once more.
const RETRIED_FOR: TimeDelta = TimeDelta::minutes(10);

/// What a function came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was done now.
    Done,
    /// It was not, for a reason that the caller can be told.
    Refused,
    /// It was done before, and this is what was answered then.
    Repeated,
    /// The database failed or was slow. Nothing was done, and the request is not stored: it may come again.
    Failed,
}

impl Outcome {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Repeated => "repeated",
            Self::Failed => "failed",
        }
    }
}

/// What is answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The JSON for the platform: `success`, `message`, and facts.
    pub body: Hidden<Value>,
    /// What it came to.
    pub outcome: Outcome,
    /// The request's event, where it is stored.
    pub event: Option<Accepted>,
}

impl Live {
    /// Calls a function. It always answers with a sentence.
    pub async fn function(&self, asker: Asker, call: &FunctionCall, event: &NewEvent, steps: &mut Steps) -> Answer {
        let rest = self.settings.function_timeout.saturating_sub(steps.elapsed());
        let result = match tokio::time::timeout(rest, self.attempt(asker, call, event, steps)).await {
            // Two callers that swap their appointments: one of them was chosen to give way, and goes again.
            // And a server that has started again has ended every connection that lay idle.
            Ok(Err(error)) if is_worth_another_try(&error) => {
                self.link.note(&error);
                let rest = self.settings.function_timeout.saturating_sub(steps.elapsed());
                tokio::time::timeout(rest, self.attempt(asker, call, event, steps)).await
            }
            result => result,
        };
        match result {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => {
                tracing::warn!(provider = asker.provider, error = %db::describe(&error), "a function failed");
                steps.done("failed");
                self.failed()
            }
            Err(_) => {
                tracing::warn!(provider = asker.provider, "a function took longer than live.function_timeout");
                steps.done("waited");
                self.failed()
            }
        }
    }

    fn failed(&self) -> Answer {
        let language = (self.overlay)(&Value::Null).map_or(Language::English, |parts| parts.conversation.language);
        let message = words(language).say("failed", &[]);
        Answer {
            body: Hidden::new(body(false, Reply { message, data: Map::new() })),
            outcome: Outcome::Failed,
            event: None,
        }
    }

    async fn attempt(
        &self,
        asker: Asker,
        call: &FunctionCall,
        event: &NewEvent,
        steps: &mut Steps,
    ) -> Result<Answer, sqlx::Error> {
        let ids = self.keys.load(&self.callees).await?;
        let mut transaction = self.callees.begin().await?;
        steps.done("connection");
        let mut party = call.party.clone();
        let found = tenant::find(&mut transaction, asker, &mut party, &self.overlay, &self.default_region).await?;
        steps.done("tenant");
        let Some(tenant) = found else {
            let message = words(Language::English).say("unknown_function", &[]);
            let event = inbox::accept(&mut transaction, &[event]).await?.pop();
            transaction.commit().await?;
            let body = Hidden::new(body(false, Reply { message, data: Map::new() }));
            return Ok(Answer { body, outcome: Outcome::Refused, event });
        };
        // An erasure waits for this, or this for it: what is written here of a person is not written behind its back.
        forgotten::hold_off_erasure(&mut transaction).await?;
        let function = self.registry.find_function(&call.name);
        let writes = function.is_some_and(|function| function.writes.is_some());
        let mut event = NewEvent { tenant_id: Some(tenant.id), ..event.clone() };
        let call_ref = call_ref(ids, call);
        let (accepted, before) =
            store(&mut transaction, &mut event, call, call_ref.as_deref(), writes, self.clock.now()).await?;
        steps.done("request");
        if let Some(answer) = before {
            transaction.commit().await?;
            return Ok(Answer { body: Hidden::new(answer), outcome: Outcome::Repeated, event: Some(accepted) });
        }
        let event_id = accepted.id();
        let mut called = Called {
            connection: &mut transaction,
            ids,
            tenant: &tenant,
            provider: asker.provider,
            party: &party,
            phone: None,
            claimed_phone: None,
            args: &Args::default(),
            reveals: false,
            event_id,
            now: self.clock.now(),
        };
        let Performed { reply, outcome, wrote } = self.perform(asker, function, call, &mut called).await?;
        steps.done("function");
        let answer = body(outcome == Outcome::Done, reply);
        if writes {
            sqlx::query_file!(
                "sql/live/keep_answer.sql",
                event_id,
                tenant.id,
                asker.connection_id,
                call_ref,
                call.name,
                wrote,
                answer.to_string(),
                self.clock.now(),
            )
            .execute(&mut *transaction)
            .await?;
        }
        transaction.commit().await?;
        steps.done("commit");
        Ok(Answer { body: Hidden::new(answer), outcome, event: Some(accepted) })
    }

    /// Runs the function behind a savepoint, so that one that refuses leaves nothing.
    async fn perform(
        &self,
        asker: Asker,
        function: Option<&Function>,
        call: &FunctionCall,
        called: &mut Called<'_>,
    ) -> Result<Performed, sqlx::Error> {
        let words = words(called.tenant.conversation.language);
        let refused = |message: String| Performed::refused(Reply { message, data: Map::new() });
        let Some(function) = function else { return Ok(refused(words.say("unknown_function", &[]))) };
        let args = match function.args(call.args.expose()) {
            Ok(args) => args,
            Err(mistake) => {
                let key = if mistake.is_missing { "missing" } else { "wrong" };
                return Ok(refused(words.say(key, &[("argument", &words.argument(mistake.parameter))])));
            }
        };
        let number = |raw: &Phone| phone::e164(raw, &called.tenant.region);
        let vouched = called.party.phone.as_ref().and_then(number);
        // A source that asks about more numbers than call anybody is told of nobody: its word is nobody's.
        let (phone, doubted) = match vouched {
            // Whoever asks for no more messages learns nothing, and is heard.
            vouched if function.writes == Some(Writing::OptOut) => (vouched, None),
            Some(phone) => match self.lookups.ask(called.now, asker.connection_id, &phone) {
                Asked::TooMany => (None, Some(phone)),
                Asked::Again => (Some(phone), None),
                Asked::First => {
                    let id = lead_id(called.ids, called.tenant.id, phone.expose());
                    let is_known =
                        sqlx::query_file_scalar!("sql/live/is_lead.sql", id).fetch_one(&mut *called.connection).await?;
                    if !is_known {
                        self.lookups.was_new(called.now, asker.connection_id);
                    }
                    (Some(phone), None)
                }
            },
            None => (None, None),
        };
        // A number in the arguments is anybody's: it may be written under, and says nothing of who speaks.
        let said = || args.text("phone").map(Phone::new).as_ref().and_then(number);
        let claimed_phone = match phone {
            Some(_) => None,
            None => doubted.or_else(said).or_else(|| called.party.claimed_phone.as_ref().and_then(number)),
        };
        let mut called = Called { phone, claimed_phone, args: &args, connection: &mut *called.connection, ..*called };
        sqlx::raw_sql("savepoint function").execute(&mut *called.connection).await?;
        let is_allowed = match function.writes {
            Some(writing) => limits::count(&self.settings.writes, asker, writing, &mut called).await?,
            None => true,
        };
        let result = match &function.run {
            _ if !is_allowed => Err(Stop::refused(words.say("limit", &[]))),
            // A panic is this call's trouble, and nobody else's.
            Run::Rust(run) => match AssertUnwindSafe(run(&mut called)).catch_unwind().await {
                Ok(result) => result,
                Err(_) => Err(Stop::refused(words.say("failed", &[]))),
            },
            Run::Sql(name) => select(name, call, &mut called).await,
        };
        if let Some(phone) = called.phone.as_ref().filter(|_| called.reveals) {
            let lead_id = lead_id(called.ids, called.tenant.id, phone.expose());
            self.lookups.reveal(called.now, asker.connection_id, lead_id);
        }
        let performed = match result {
            Ok(reply) => {
                sqlx::raw_sql("release savepoint function").execute(&mut *called.connection).await?;
                return Ok(Performed { reply, outcome: Outcome::Done, wrote: function.writes.is_some() });
            }
            Err(Stop::AlreadyDone(reply)) => Performed { reply, outcome: Outcome::Done, wrote: false },
            Err(Stop::Refused(reply)) => Performed::refused(reply),
            Err(Stop::Database(error)) => return Err(error),
        };
        sqlx::raw_sql("rollback to savepoint function").execute(&mut *called.connection).await?;
        Ok(performed)
    }
}

/// What became of a function.
struct Performed {
    reply: Reply,
    outcome: Outcome,
    wrote: bool,
}

impl Performed {
    fn refused(reply: Reply) -> Self {
        Self { reply, outcome: Outcome::Refused, wrote: false }
    }
}

/// The call by which answers are told apart; where the platform names none, whoever is on the line, as a keyed digest: it
/// outlives the number.
fn call_ref(ids: &DigestKey, call: &FunctionCall) -> Option<String> {
    let party = &call.party;
    party.call_id.clone().or_else(|| {
        let phone = party.phone.as_ref().or(party.claimed_phone.as_ref())?;
        Some(format!("-:{}", hex(&ids.digest("live_answers.call_ref", phone.expose())[..16])))
    })
}

/// Stores the request. A repeated one of a function that writes comes with what was answered before. Where the platform
/// gives no id to a call of a function, the same wish after something else was done in the same call is a new one; where it
/// does not name the call either, the same wish later.
async fn store(
    connection: &mut PgConnection,
    event: &mut NewEvent,
    call: &FunctionCall,
    call_ref: Option<&str>,
    writes: bool,
    now: DateTime<Utc>,
) -> Result<(Accepted, Option<Value>), sqlx::Error> {
    if writes && call.party.call_id.is_none() && call.tool_call_id.is_none() {
        let span = now.timestamp().div_euclid(RETRIED_FOR.num_seconds());
        let keys = [span - 1, span].map(|span| format!("{}:{span}", event.external_event_id));
        let since = now - RETRIED_FOR;
        let found = sqlx::query_file!("sql/live/find_recent_answer.sql", event.connection_id, &keys, since, call_ref)
            .fetch_optional(&mut *connection)
            .await?;
        if let Some(before) = found {
            let answer = serde_json::from_str(&before.answer).unwrap_or_default();
            return Ok((Accepted::Duplicate(before.event_id), Some(answer)));
        }
        let [_, key] = keys;
        event.external_event_id = key;
    }
    let key = event.external_event_id.clone();
    let mut last = None;
    for repetition in 1..=REPETITIONS_MAX {
        let accepted = inbox::accept(connection, &[&*event]).await?.pop().unwrap_or(Accepted::New(event.id));
        let Accepted::Duplicate(id) = accepted else { return Ok((accepted, None)) };
        if !writes {
            return Ok((accepted, None));
        }
        let found = sqlx::query_file!("sql/live/find_answer.sql", id).fetch_optional(&mut *connection).await?;
        match found {
            Some(before)
                if call.tool_call_id.is_some()
                    || (before.written_since == 0 && (before.wrote || call.party.call_id.is_some())) =>
            {
                let answer = serde_json::from_str(&before.answer).unwrap_or_default();
                return Ok((accepted, Some(answer)));
            }
            Some(before) => {
                event.external_event_id = format!("{key}:{repetition}");
                last = serde_json::from_str(&before.answer).ok();
            }
            // Its answer went with its payload.
            None => {
                let message = words(Language::English).say("repeated", &[]);
                return Ok((accepted, Some(body(true, Reply { message, data: Map::new() }))));
            }
        }
    }
    // What became of it the last time: a wish that was refused so often is not confirmed.
    let message = || words(Language::English).say("repeated", &[]);
    let answer = last.unwrap_or_else(|| body(true, Reply { message: message(), data: Map::new() }));
    Ok((Accepted::Duplicate(event.id), Some(answer)))
}

/// Calls an SQL function with the request. The name was checked when it was registered.
async fn select(name: &str, call: &FunctionCall, called: &mut Called<'_>) -> Result<Reply, Stop> {
    // Whatever it answers, it was given the number to answer about.
    called.reveals = true;
    let request = json!({
        "function": call.name,
        "args": called.args.values(),
        "tenant_id": called.tenant.id,
        "event_id": called.event_id,
        "call_id": called.party.call_id,
        "phone": called.phone.as_ref().map(Phone::expose),
        "claimed_phone": called.claimed_phone.as_ref().map(Phone::expose),
        "now": called.now,
    });
    let statement = format!("select {name}($1::text::jsonb)");
    #[expect(clippy::disallowed_methods, reason = "the user names the function in config.toml")]
    let answer: Option<Value> = sqlx::query_scalar(AssertSqlSafe(statement))
        .bind(request.to_string())
        .fetch_one(&mut *called.connection)
        .boxed()
        .await?;
    match answer {
        Some(Value::Object(mut data)) => {
            let message = match data.remove("message") {
                Some(Value::String(message)) => message,
                _ => String::new(),
            };
            let reply = Reply { message, data };
            if reply.data.get("success") == Some(&Value::Bool(false)) { Err(Stop::Refused(reply)) } else { Ok(reply) }
        }
        Some(Value::String(message)) => Ok(Reply { message, data: Map::new() }),
        _ => Ok(Reply::default()),
    }
}

/// The answer as every platform takes it: an object, of which a model reads the sentence and a platform the facts.
fn body(success: bool, reply: Reply) -> Value {
    let mut body = reply.data;
    body.insert("success".to_owned(), json!(success));
    body.insert("message".to_owned(), json!(reply.message));
    Value::Object(body)
}

/// A deadlock was broken, or the connection had died while it lay idle.
fn is_worth_another_try(error: &sqlx::Error) -> bool {
    db::is_lost(error)
        || error.as_database_error().and_then(|error| error.code()).is_some_and(|code| code.starts_with("40"))
}
