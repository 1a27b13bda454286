//! `analyze_call`: the individual analysis of a finished call with a transcript, of whatever platform.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use super::start_outreach::id_in;
use super::{Attempt, Desk, Kind, Policy, analysis, prompts};
use crate::outbox::Job;

/// The kind.
pub(super) struct AnalyzeCall;

impl Kind for AnalyzeCall {
    fn policy(&self) -> Policy {
        analysis::policy("analyze_call")
    }

    fn run<'a>(&'a self, job: &'a Job, desk: &'a Desk) -> BoxFuture<'a, Attempt> {
        run(job, desk).map(|result| result.unwrap_or_else(|attempt| attempt)).boxed()
    }
}

async fn run(job: &Job, desk: &Desk) -> Result<Attempt, Attempt> {
    let tenant = desk.tenant(job.tenant_id).await?;
    let call_id = id_in(job, "call_id")?;
    let found =
        sqlx::query_file!("sql/jobs/call_to_analyze.sql", call_id, tenant.time_zone).fetch_optional(&desk.pool).await?;
    let Some(call) = found else { return Ok(Attempt::Skipped("the call is gone".to_owned())) };
    let text = call.transcript.unwrap_or_default();
    let characters = text.chars().count();
    let settings = &tenant.settings.analysis;
    if characters < settings.transcript_chars_min {
        return Ok(Attempt::Skipped("the transcript is too short to be analysed".to_owned()));
    }
    if !tenant.settings.integrations.openai.is_configured() {
        return Ok(analysis::dry_run("the transcript of a call", characters, &tenant));
    }
    let turns: Option<Value> = call.turns.as_deref().and_then(|turns| serde_json::from_str(turns).ok());
    let transcript = match turns {
        Some(Value::Array(turns)) if !turns.is_empty() && characters <= settings.transcript_chars_max => {
            turns.iter().map(|turn| json!({ "role": turn["role"], "text": turn["text"] })).collect()
        }
        _ => Value::String(text.chars().take(settings.transcript_chars_max).collect()),
    };
    let input = json!({
        "call": {
            "direction": call.direction,
            "started_at": call.started_at,
            "duration_seconds": analysis::seconds(call.duration_ms),
            "disposition": call.disposition,
            "agent_name": call.agent_name,
        },
        "transcript": transcript,
    });
    let (response, cost_usd) = analysis::ask(job, desk, &tenant, &prompts::ANALYZE_CALL, true, &input).await?;
    let payload = json!({
        "event": "call_analyzed",
        "call": { "id": call_id, "provider": call.provider, "provider_call_id": call.provider_call_id },
        "phone": call.phone,
        "source": "openai",
        "model": response.model,
        "response_id": response.response_id,
        "usage": response.usage,
        "cost_usd": cost_usd,
        "qualified_score": settings.qualified_score,
        "analysis": analysis::kept(response.output.expose()),
    });
    Ok(Attempt::Done(Some("analysed".to_owned()), analysis::result(desk, job, call_id, "call_analyzed", &payload)))
}
