//! `analyze_lead`: the complete analysis of a person, over all individual ones.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use super::start_outreach::id_in;
use super::{Attempt, Desk, Kind, Policy, analysis, prompts};
use crate::outbox::Job;

/// Individual analyses in one request at most, the newest: more say little more, and cost.
const CALLS_MAX: i64 = 40;

/// The kind.
pub(super) struct AnalyzeLead;

impl Kind for AnalyzeLead {
    fn policy(&self) -> Policy {
        analysis::policy("analyze_lead")
    }

    fn run<'a>(&'a self, job: &'a Job, desk: &'a Desk) -> BoxFuture<'a, Attempt> {
        run(job, desk).map(|result| result.unwrap_or_else(|attempt| attempt)).boxed()
    }
}

async fn run(job: &Job, desk: &Desk) -> Result<Attempt, Attempt> {
    let tenant = desk.tenant(job.tenant_id).await?;
    let lead_id = id_in(job, "lead_id")?;
    let newer = sqlx::query_file_scalar!(
        "sql/jobs/has_newer_analysis.sql",
        lead_id.to_string(),
        job.id,
        job.tenant_id,
        desk.frozen_now(),
    )
    .fetch_one(&desk.pool)
    .await?;
    if newer {
        return Ok(Attempt::Skipped("a later analysis of the same person is pending".to_owned()));
    }
    let rows = sqlx::query_file!("sql/jobs/analyses_of_person.sql", lead_id, tenant.time_zone, CALLS_MAX)
        .fetch_all(&desk.pool)
        .await?;
    let Some(first) = rows.first() else {
        return Ok(Attempt::Skipped("there is no analysis of a call of this person".to_owned()));
    };
    if !tenant.settings.integrations.openai.is_configured() {
        return Ok(analysis::dry_run("the calls of one person", rows.iter().map(|row| row.data.len()).sum(), &tenant));
    }
    let (day, _) = desk.local_time(&tenant).await?;
    let average = first.average_score.map(|score| (score * 10.0).round() / 10.0);
    let counted = json!({ "interactions": first.interactions, "average_score": average });
    let calls: Vec<Value> = rows
        .iter()
        .map(|row| {
            let analysis: Value = serde_json::from_str(&row.data).unwrap_or_default();
            json!({ "at": row.at_local, "direction": row.direction, "analysis": analysis })
        })
        .collect();
    let left_out = first.interactions - i64::try_from(rows.len()).unwrap_or(first.interactions);
    let input = json!({ "today": day, "counted": counted, "left_out": left_out, "calls": calls });
    let (response, cost_usd) = analysis::ask(job, desk, &tenant, &prompts::ANALYZE_LEAD, false, &input).await?;
    let payload = json!({
        "event": "lead_analyzed",
        "lead_id": lead_id,
        "phone": first.phone,
        "source": "openai",
        "model": response.model,
        "response_id": response.response_id,
        "usage": response.usage,
        "cost_usd": cost_usd,
        "counted": counted,
        "analysis": analysis::kept(response.output.expose()),
    });
    Ok(Attempt::Done(Some("analysed".to_owned()), analysis::result(desk, job, lead_id, "lead_analyzed", &payload)))
}
