//! What both analyses share: the gate of the budget, the question, and the result that comes back as an event.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use futures_util::FutureExt;
use serde_json::Value;
use uuid::Uuid;

use super::desk::{Begun, Tenant};
use super::message::is_still_known;
use super::prompts::Prompt;
use super::{AnalysisSettings, Attempt, Desk, Effect, OnUnknown, Policy};
use crate::domain::spoken_text::{cut, each_text, visible};
use crate::inbox::{self, NewEvent, RESULTS_PROVIDER};
use crate::integrations::openai::{Client, Request, Response, Usage};
use crate::outbox::{Allowance, Job};
use crate::queue::Backoff;
use crate::redact::Spoken;

/// What an answer can be long at most where the configuration does not bound it, in tokens; for the budget.
const OUTPUT_TOKENS_ASSUMED: u32 = 32_000;

/// The longest text of an answer: a summary has a few sentences.
const ANSWER_TEXT_CHARS_MAX: usize = 2_000;

/// Why an analysis waits for another day. The watch looks for it.
pub(super) const BUDGET_IS_SPENT: &str = "the day's budget of analyses is used up";
/// How long an attempt may take; the answer alone, somewhat less, so that its end is known.
const TIMEOUT: Duration = Duration::from_secs(150);
const ANSWER_TIMEOUT_MAX: Duration = Duration::from_secs(140);

/// The rules of both: three quick retries, then the long ladder.
pub(super) fn policy(name: &'static str) -> Policy {
    Policy {
        name,
        timeout: TIMEOUT,
        concurrency: 8,
        per_tenant: 4,
        // Asking twice costs money and harms nobody.
        on_unknown: OnUnknown::Resend,
        retry: Backoff { first: Duration::from_secs(1), longest: Duration::from_secs(3_600), max_attempts: 15 },
        age_max: Duration::from_secs(7 * 86_400),
    }
}

/// Asks the model, within the tenant's budget of the day.
pub(super) async fn ask(
    job: &Job,
    desk: &Desk,
    tenant: &Tenant,
    prompt: &Prompt,
    stored_prompt: bool,
    input: &Value,
) -> Result<(Response, f64), Attempt> {
    let mut openai = tenant.settings.integrations.openai.clone();
    openai.timeout = openai.timeout.min(ANSWER_TIMEOUT_MAX);
    let prices = &tenant.settings.analysis;
    let input = document(input);
    // Dearer than it can be: no token is less than a byte.
    let bytes = u32::try_from(input.len() + prompt.instructions.len() + prompt.schema.len()).unwrap_or(u32::MAX);
    let output = if openai.max_output_tokens == 0 { OUTPUT_TOKENS_ASSUMED } else { openai.max_output_tokens };
    let most = cost(prices, u64::from(bytes), 0, u64::from(output));
    let allowance = begin(job, desk, tenant, most).await?;
    let job_id = job.id.to_string();
    let request = Request {
        instructions: prompt.instructions,
        stored_prompt,
        input: Spoken::new(input),
        schema_name: prompt.name,
        schema: prompt.schema,
        metadata: &[("job", job_id.as_str())],
    };
    match Client::new(openai, desk.transport.clone()).respond(desk.now(), &request).await {
        Ok(response) => {
            let spent = response.usage.as_ref().map(|usage| cost_of(prices, usage));
            give_back(desk, allowance, most, spent).await;
            Ok((response, spent.unwrap_or(most)))
        }
        Err(error) => {
            let attempt = Attempt::of(error.verdict(), error.to_string());
            // Nobody knows what a lost answer cost: then what was reserved counts as spent.
            let spent = match (&attempt, error.usage()) {
                (_, Some(usage)) => Some(cost_of(prices, &usage)),
                (Attempt::Unknown(_), None) => None,
                (_, None) => Some(0.0),
            };
            give_back(desk, allowance, most, spent).await;
            Err(attempt)
        }
    }
}

/// What strangers said, as the model gets it: JSON between two marks which cannot occur in it, without anything that people
/// would not see.
fn document(input: &Value) -> String {
    let json = each_text(input, &visible).to_string();
    // Outside of its texts JSON has no angle brackets, and inside of them these are spelled out.
    format!("<document>\n{}\n</document>", json.replace('<', "\\u003c").replace('>', "\\u003e"))
}

/// A model's answer as it is kept: it goes back to what strangers said, and is no more than that.
pub(super) fn kept(output: &Value) -> Value {
    each_text(output, &|text| cut(visible(text).trim(), ANSWER_TEXT_CHARS_MAX))
}

/// Begins, and takes the most that the request can cost out of the day's budget. No budget, no bound.
async fn begin(job: &Job, desk: &Desk, tenant: &Tenant, most: f64) -> Result<Option<Allowance>, Attempt> {
    let budget = tenant.settings.analysis.daily_budget_usd;
    let mut bounds = Vec::new();
    if budget > 0.0 {
        let (day, _) = desk.local_time(tenant).await?;
        let subject = "analysis_usd".to_owned();
        bounds.push((Allowance { tenant_id: tenant.id, subject, day, amount: most }, budget));
    }
    match desk.begin_within(job, &bounds).await? {
        Begun::Yes => return Ok(bounds.pop().map(|(allowance, _)| allowance)),
        Begun::LeaseLost => return Err(Attempt::Retry("the lease was lost before asking".to_owned())),
        Begun::UsedUp(_) if most > budget => {
            let reason = "analysis.daily_budget_usd is less than one analysis may cost".to_owned();
            return Err(Attempt::Refused(reason));
        }
        Begun::UsedUp(_) => {}
    }
    // Looked at hourly: the budget may be raised, and a new day begins by the tenant's clock.
    Err(Attempt::Wait(Duration::from_secs(3_600), BUDGET_IS_SPENT.to_owned()))
}

/// Gives back what was reserved and not spent. `spent`: `None` means nobody knows.
async fn give_back(desk: &Desk, allowance: Option<Allowance>, most: f64, spent: Option<f64>) {
    if let (Some(allowance), Some(spent)) = (allowance, spent) {
        desk.give_back(&[Allowance { amount: most - spent, ..allowance }]).await;
    }
}

fn cost_of(prices: &AnalysisSettings, usage: &Usage) -> f64 {
    let fresh = usage.input_tokens.saturating_sub(usage.cached_tokens);
    cost(prices, fresh, usage.cached_tokens, usage.output_tokens)
}

fn cost(prices: &AnalysisSettings, input: u64, cached: u64, output: u64) -> f64 {
    (input as f64 * prices.input_usd_per_million
        + cached as f64 * prices.cached_usd_per_million
        + output as f64 * prices.output_usd_per_million)
        / 1_000_000.0
}

/// The result as an event, stored together with the job's end; thrown away if the person of `subject`, a call or a
/// lead, was erased meanwhile.
pub(super) fn result(desk: &Desk, job: &Job, subject: Uuid, event_type: &'static str, payload: &Value) -> Effect {
    let (now, tenant_id, job_id) = (desk.now(), job.tenant_id, job.id);
    let payload = Arc::new(payload.to_string());
    Arc::new(move |connection| {
        let payload = Arc::clone(&payload);
        async move {
            if !is_still_known(connection, subject).await? {
                return Ok(());
            }
            let connection_id =
                sqlx::query_file_scalar!("sql/jobs/results_connection.sql").fetch_one(&mut *connection).await?;
            let event = NewEvent {
                id: Uuid::now_v7(),
                connection_id,
                tenant_id: Some(tenant_id),
                provider: RESULTS_PROVIDER.into(),
                event_type: event_type.to_owned(),
                external_event_id: format!("{event_type}:{job_id}"),
                occurred_at: Some(now),
                payload: payload.to_string(),
            };
            inbox::accept(connection, &[&event]).await.map(drop)
        }
        .boxed()
    })
}

/// What a job of an analysis is when nothing is configured.
pub(super) fn dry_run(what: &str, characters: usize, tenant: &Tenant) -> Attempt {
    let model = &tenant.settings.integrations.openai.model;
    let model = if model.is_empty() { "(no model is configured)" } else { model };
    Attempt::DryRun(format!("OpenAI, model {model}: {what}, {characters} characters"))
}

/// Milliseconds as whole seconds.
pub(super) fn seconds(ms: Option<i64>) -> Option<i64> {
    ms.map(|ms| TimeDelta::milliseconds(ms).num_seconds())
}
