//! What both analyses share: the gate of the budget, the question, and the result that comes back as an event.

use std::sync::Arc;

use chrono::TimeDelta;
use futures_util::FutureExt;
use serde_json::Value;
use uuid::Uuid;

use super::desk::Tenant;
use super::message::is_still_known;
use super::prompts::Prompt;
use super::{AnalysisSettings, Attempt, Desk, Effect, OnUnknown, Policy};
use crate::inbox::{self, NewEvent, RESULTS_PROVIDER};
use crate::integrations::openai::{Client, Request, Response, Usage};
use crate::integrations::{Transport, TransportError};
use crate::outbox::{self, Allowance, Job};
use crate::queue::Backoff;
use crate::redact::Spoken;

/// What an answer can be long at most where the configuration does not bound it, in tokens; for the budget.
const OUTPUT_TOKENS_ASSUMED: u32 = 32_000;

/// Why an analysis waits for another day. The watch looks for it.
pub(super) const BUDGET_IS_SPENT: &str = "the day's budget of analyses is used up";

/// The rules of both: three quick retries, then the long ladder.
pub(super) fn policy(name: &'static str) -> Policy {
    Policy {
        name,
        timeout: std::time::Duration::from_secs(150),
        concurrency: 8,
        per_tenant: 4,
        // Asking twice costs money and harms nobody.
        on_unknown: OnUnknown::Resend,
        retry: Backoff {
            first: std::time::Duration::from_secs(1),
            longest: std::time::Duration::from_secs(3_600),
            max_attempts: 15,
        },
        age_max: std::time::Duration::from_secs(7 * 86_400),
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
    let openai = &tenant.settings.integrations.openai;
    let prices = &tenant.settings.analysis;
    let input = input.to_string();
    // Dearer than it can be: a token is two bytes at least in the scripts that cost most.
    let bytes = u32::try_from(input.len() + prompt.instructions.len() + prompt.schema.len()).unwrap_or(u32::MAX);
    let output = if openai.max_output_tokens == 0 { OUTPUT_TOKENS_ASSUMED } else { openai.max_output_tokens };
    let most = cost(prices, u64::from(bytes / 2), 0, u64::from(output));
    let allowance = reserve(desk, tenant, most).await?;
    if !desk.begin(job).await? {
        settle_budget(desk, allowance.as_ref(), most, Some(0.0)).await?;
        return Err(Attempt::Retry("the lease was lost before asking".to_owned()));
    }
    let transport =
        Transport::new(openai.timeout).map_err(|error: TransportError| Attempt::Refused(error.to_string()))?;
    let job_id = job.id.to_string();
    let request = Request {
        instructions: prompt.instructions,
        stored_prompt,
        input: Spoken::new(input),
        schema_name: prompt.name,
        schema: prompt.schema,
        metadata: &[("job", job_id.as_str())],
    };
    match Client::new(openai.clone(), transport).respond(desk.now(), &request).await {
        Ok(response) => {
            let spent = response.usage.as_ref().map(|usage| cost_of(prices, usage));
            settle_budget(desk, allowance.as_ref(), most, spent).await?;
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
            settle_budget(desk, allowance.as_ref(), most, spent).await?;
            Err(attempt)
        }
    }
}

/// Takes the most that the request can cost out of the day's budget. No budget, no bound.
async fn reserve(desk: &Desk, tenant: &Tenant, most: f64) -> Result<Option<Allowance>, Attempt> {
    let budget = tenant.settings.analysis.daily_budget_usd;
    if budget <= 0.0 {
        return Ok(None);
    }
    let (day, _) = desk.local_time(tenant).await?;
    let allowance = Allowance { tenant_id: tenant.id, subject: "analysis_usd".to_owned(), day, amount: most };
    if outbox::take(&desk.pool, &allowance, budget).await? {
        return Ok(Some(allowance));
    }
    if most > budget {
        let reason = "analysis.daily_budget_usd is less than one analysis may cost".to_owned();
        return Err(Attempt::Refused(reason));
    }
    // Looked at hourly: the budget may be raised, and a new day begins by the tenant's clock.
    Err(Attempt::Wait(std::time::Duration::from_secs(3_600), BUDGET_IS_SPENT.to_owned()))
}

/// Gives back what was reserved and not spent. `spent`: `None` means nobody knows.
async fn settle_budget(
    desk: &Desk,
    allowance: Option<&Allowance>,
    most: f64,
    spent: Option<f64>,
) -> Result<(), sqlx::Error> {
    if let (Some(allowance), Some(spent)) = (allowance, spent) {
        let rest = Allowance { amount: (most - spent).max(0.0), ..allowance.clone() };
        outbox::give_back(&desk.pool, &rest).await?;
    }
    Ok(())
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
                provider: RESULTS_PROVIDER,
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
