//! The story of one lead, from a missed call to a sale in sight: a database, vendors and a clock of its own, so that it
//! takes seconds, costs nothing, and reaches nobody.

mod vendors;

use std::collections::BTreeMap;
use std::collections::HashSet;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use serde_json::json;
use sqlx::PgPool;
use uuid::Uuid;

pub(super) use self::vendors::{Asked, Vendors};
use super::{Context, Output};
use crate::clock::Clock;
use crate::config::Config;
use crate::crypto::{Keys, MasterKeys};
use crate::embedded_postgres::{Cluster, Options};
use crate::inbox::operate::{self, Cursor, Operation};
use crate::inbox::{self, Filter, NewEvent};
use crate::jobs::{self, Runner, Watcher};
use crate::outbox;
use crate::processor::Processor;
use crate::providers::{self, Delivery, Document};
use crate::redact::Secret;
use crate::store::directory::{self, NewConnection};
use crate::{db, store};

/// The caller; a reserved number.
const CALLER: &str = "15550100142";
/// The sender, as Meta numbers senders.
const SENDER: &str = "100000000000001";
/// Jobs looked at after a step: more than the story has.
const JOBS: i64 = 100;

/// Events replayed at once: more than the story has.
const CHUNK: u32 = 1_000;

/// One line of the story.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Line {
    at: DateTime<Utc>,
    what: &'static str,
    text: String,
}

impl Line {
    /// As a row of a table.
    pub(super) fn cells(&self) -> Vec<String> {
        vec![self.at.format("%d %b %H:%M").to_string(), self.what.to_owned(), self.text.clone()]
    }
}

/// Tells it.
pub(super) async fn tell(output: Output) -> anyhow::Result<Vec<Line>> {
    let folder = std::env::temp_dir().join(format!("switchhook-story-{}", Uuid::now_v7().simple()));
    let cluster = Cluster::start(Options::throw_away(folder)).await?;
    let vendors = Vendors::start()?;
    let told = match Stage::set(&cluster, vendors, output).await {
        Ok(mut stage) => {
            let told = stage.play().await;
            stage.pool.close().await;
            stage.vendors.stop().await;
            told.map(|()| stage.lines)
        }
        Err(error) => Err(error),
    };
    cluster.stop().await?;
    told
}

/// Where it is played.
struct Stage {
    pool: PgPool,
    tenant_id: Uuid,
    clock: Clock,
    processor: Processor,
    runner: Runner,
    watcher: Watcher,
    vendors: Vendors,
    lines: Vec<Line>,
    seen_jobs: HashSet<Uuid>,
    seen_requests: usize,
}

impl Stage {
    async fn set(cluster: &Cluster, vendors: Vendors, output: Output) -> anyhow::Result<Self> {
        let config = config(&vendors.base_url)?;
        let mut settings = config.database.clone();
        settings.url = Secret::new(cluster.url("switchhook"));
        let keys = Keys::new(MasterKeys::fresh());
        let context = Context::new(config, output, |_| {}).with_keys(keys.clone());
        let pool = db::connect(&settings, &context.link).map_err(described)?;
        db::migrate(&pool).await.map_err(super::context::migration_error)?;
        let tenant_id = directory::add_tenant(&pool, "story", "Story", None).await.map_err(described)?;
        let keys = context.keys()?;
        keys.load(&pool).await.map_err(described)?;
        let mut connection = pool.acquire().await?;
        for provider in ["retell", "whatsapp"] {
            let new = NewConnection {
                tenant_id: Some(tenant_id),
                provider: provider.to_owned(),
                slug: "default".to_owned(),
                is_default: true,
                ..NewConnection::default()
            };
            directory::add_connection(&mut connection, &keys, &new).await.map_err(described)?;
        }
        drop(connection);
        // A week ago, so that everything has happened by the time it is received; ten in the morning is no quiet hour.
        let week_ago = Clock::system().now().date_naive() - TimeDelta::days(7);
        let clock = Clock::frozen(week_ago.and_time(chrono::NaiveTime::MIN).and_utc() + TimeDelta::hours(10));
        let processor = Processor { clock: clock.clone(), ..context.processor_over(pool.clone())? };
        let desk = Arc::new(jobs::Desk { clock: clock.clone(), ..context.desk_over(pool.clone())? });
        let watcher = Watcher::new(Arc::clone(&desk), context.config.alerts.clone());
        let runner = Runner::new(jobs::all(), desk, context.config.jobs.poll_interval, Arc::default());
        Ok(Self {
            pool,
            tenant_id,
            clock,
            processor,
            runner,
            watcher,
            vendors,
            lines: Vec::new(),
            seen_jobs: HashSet::new(),
            seen_requests: 0,
        })
    }

    async fn play(&mut self) -> anyhow::Result<()> {
        self.call("call-1", "not_connected", "a call comes in and nobody takes it").await?;
        self.pass(TimeDelta::minutes(2)).await?;
        self.status("delivered", "the message has reached their telephone").await?;
        self.pass(TimeDelta::minutes(20)).await?;
        self.call("call-2", "not_connected", "they call once more; nobody takes it").await?;
        self.pass(TimeDelta::minutes(2)).await?;
        self.pass(TimeDelta::hours(24)).await?;
        self.pass(TimeDelta::hours(3)).await?;
        self.reply("Yes, please call me back", "they write: \"Yes, please call me back\"").await?;
        self.watcher.look().await.map_err(described)?;
        self.work().await?;
        self.pass(TimeDelta::minutes(30)).await?;
        self.call("call-3", "ended", "they are called back, and talk for two minutes").await?;
        self.pass(TimeDelta::days(4)).await?;
        self.replay().await
    }

    fn say(&mut self, what: &'static str, text: impl Into<String>) {
        self.lines.push(Line { at: self.clock.now(), what, text: text.into() });
    }

    async fn pass(&mut self, time: TimeDelta) -> anyhow::Result<()> {
        self.clock.advance(time);
        self.work().await
    }

    /// Works off what is due, and says what came of it.
    async fn work(&mut self) -> anyhow::Result<()> {
        loop {
            self.processor.drain(u64::MAX, self.processor.settings.batch_size).await.map_err(described)?;
            if self.runner.drain().await.map_err(described)? == jobs::Report::default() {
                break;
            }
        }
        for asked in self.vendors.asked().split_off(self.seen_requests) {
            self.seen_requests += 1;
            self.say("vendor", asked.line);
        }
        let settled = outbox::operate::list(&self.pool, None, None, None, None, JOBS).await.map_err(described)?;
        let mut settled: Vec<_> = settled.into_iter().filter(|job| job.settled_at.is_some()).collect();
        settled.sort_by_key(|job| (job.settled_at, job.id));
        for job in settled {
            if self.seen_jobs.insert(job.id) {
                let note = job.note.as_deref().or(job.last_error.as_deref()).unwrap_or_default();
                let text = match job.preview.as_deref().and_then(|preview| preview.lines().next()) {
                    Some(preview) => format!("{} without credentials, would have sent: {preview}", job.kind),
                    None => format!("{} {}: {note}", job.kind, job.state),
                };
                self.say("job", text);
            }
        }
        Ok(())
    }

    /// A webhook of Retell.
    async fn call(&mut self, call_id: &str, status: &str, text: &'static str) -> anyhow::Result<()> {
        let ended_at = self.clock.now();
        let is_answered = status == "ended";
        let seconds = if is_answered { 120 } else { 20 };
        let (ours, theirs) = ("+15550100199".to_owned(), format!("+{CALLER}"));
        let (direction, from, to) = if is_answered { ("outbound", ours, theirs) } else { ("inbound", theirs, ours) };
        let mut call = json!({
            "call_id": call_id, "call_status": status, "direction": direction, "from_number": from, "to_number": to,
            "start_timestamp": (ended_at - TimeDelta::seconds(seconds)).timestamp_millis(),
            "end_timestamp": ended_at.timestamp_millis(),
        });
        if is_answered {
            call["duration_ms"] = json!(seconds * 1_000);
            call["transcript"] = json!(
                "Agent: Hello, you had called us.\nUser: Yes, my old unit leaks. I need two new ones by Friday.\n\
                 Agent: The larger one is 480. Shall I send you the order form?\nUser: Please do, today. Sam Sample."
            );
        }
        self.say("webhook", text);
        self.receive("retell", &json!({ "event": "call_ended", "call": call }).to_string()).await?;
        self.work().await
    }

    /// A webhook of WhatsApp about the latest message.
    async fn status(&mut self, status: &str, text: &'static str) -> anyhow::Result<()> {
        let sent = self.vendors.asked().into_iter().rev().find_map(|asked| asked.message_id);
        let at = self.clock.now().timestamp().to_string();
        let status = json!({ "id": sent, "status": status, "timestamp": at, "recipient_id": CALLER });
        self.whatsapp(json!({ "statuses": [status] }), text).await
    }

    /// A webhook of WhatsApp with a message of theirs.
    async fn reply(&mut self, body: &str, text: &'static str) -> anyhow::Result<()> {
        let at = self.clock.now().timestamp().to_string();
        let message =
            json!({ "from": CALLER, "id": "wamid.reply", "timestamp": at, "type": "text", "text": { "body": body } });
        self.whatsapp(json!({ "messages": [message] }), text).await
    }

    async fn whatsapp(&mut self, mut value: serde_json::Value, text: &'static str) -> anyhow::Result<()> {
        value["messaging_product"] = json!("whatsapp");
        value["metadata"] = json!({ "display_phone_number": "15550100199", "phone_number_id": SENDER });
        let change = json!({ "field": "messages", "value": value });
        let entry = json!({ "id": "story", "changes": [change] });
        self.say("webhook", text);
        let body = json!({ "object": "whatsapp_business_account", "entry": [entry] });
        self.receive("whatsapp", &body.to_string()).await?;
        self.work().await
    }

    /// Stores a webhook as the door does once it is proven.
    async fn receive(&self, name: &str, body: &str) -> anyhow::Result<()> {
        let provider = providers::find(name).ok_or_else(|| anyhow::anyhow!("no platform {name}"))?;
        let headers = actix_web::http::header::HeaderMap::new();
        let delivery = Delivery { query: "", headers: &headers, body: body.as_bytes() };
        let document = Document::read(provider, &delivery)
            .map_err(|refusal| anyhow::anyhow!("the story's webhook is refused: {refusal:?}"))?;
        let connections = store::connections::all(&self.pool, &self.processor.keys).await.map_err(described)?;
        let connection = connections.iter().find(|connection| connection.provider == name);
        let event = NewEvent {
            id: Uuid::now_v7(),
            connection_id: connection.map(|connection| connection.id).unwrap_or_default(),
            tenant_id: Some(self.tenant_id),
            provider: provider.name().into(),
            event_type: document.envelope.event_type,
            external_event_id: document.external_event_id,
            occurred_at: document.envelope.occurred_at,
            payload: document.text,
        };
        let mut connection = self.pool.acquire().await?;
        inbox::accept(&mut connection, &[&event]).await.map_err(described)?;
        Ok(())
    }

    /// Everything once more: nothing must come of it.
    async fn replay(&mut self) -> anyhow::Result<()> {
        let (requests, jobs) = (self.seen_requests, self.seen_jobs.len());
        let (operation, filter) = (Operation::Replay(None), Filter::default());
        let mut connection = self.pool.acquire().await?;
        let groups = operate::count(&mut connection, &operation, &filter).await.map_err(described)?;
        let last_id = groups.iter().map(|group| group.last_id).max().unwrap_or_default();
        let first = Cursor::before(&groups);
        let (replayed, _) = operate::step(&mut connection, &operation, &filter, first, last_id, CHUNK).await?;
        drop(connection);
        self.work().await?;
        let more = (self.seen_requests - requests, self.seen_jobs.len() - jobs);
        self.say(
            "replay",
            format!("all {replayed} events once more: {} requests to vendors, {} jobs more", more.0, more.1),
        );
        Ok(())
    }
}

fn config(base_url: &str) -> anyhow::Result<Config> {
    let settings = [
        ("INTEGRATIONS__WHATSAPP__BASE_URL", format!("{base_url}/whatsapp")),
        ("INTEGRATIONS__WHATSAPP__TOKEN", "story".to_owned()),
        ("INTEGRATIONS__WHATSAPP__PHONE_NUMBER_ID", SENDER.to_owned()),
        ("INTEGRATIONS__WHATSAPP__TEMPLATE", "missed_call".to_owned()),
        ("INTEGRATIONS__OPENAI__BASE_URL", format!("{base_url}/openai")),
        ("INTEGRATIONS__OPENAI__API_KEY", "story".to_owned()),
        ("INTEGRATIONS__OPENAI__MODEL", "stand-in".to_owned()),
        ("OUTREACH__TEMPLATE_PARAMETERS", "{name|there}".to_owned()),
    ];
    let environment: BTreeMap<String, String> =
        settings.into_iter().map(|(name, value)| (format!("SWITCHHOOK__{name}"), value)).collect();
    Ok(Config::from_parts(None, &environment)?)
}

fn described(error: sqlx::Error) -> anyhow::Error {
    anyhow::anyhow!(db::describe(&error))
}
