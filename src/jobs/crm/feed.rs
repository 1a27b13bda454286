//! The feeder: takes leads that somebody wrote to off the queue, and puts up a push for each that looks different from
//! what the CRM was last asked to take, and a pull for each that is new.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::db;
use crate::jobs::Desk;
use crate::outbox::{self, NewJob};
use crate::store::forgotten;

/// Leads in one transaction at most: each is compared by a few looks into an index.
const LEADS_MAX: i64 = 500;
/// How often it is looked who has a CRM: a person has just typed it in, and can wait for so long.
const TENANTS_INTERVAL: Duration = Duration::from_secs(15);
/// How often a lead that differs is looked at again.
const LOOK_AGAIN: Duration = Duration::from_secs(3_600);
/// Leads that are looked at again in one turn at most: a CRM counts its questions.
const LOOK_AGAIN_MAX: i64 = 20;

/// Feeds at intervals. Any number may run.
pub struct Feeder {
    desk: Arc<Desk>,
    interval: Duration,
}

impl Feeder {
    /// A feeder that looks so often.
    pub fn new(desk: Arc<Desk>, interval: Duration) -> Self {
        Self { desk, interval }
    }

    /// Feeds until told to stop.
    pub async fn run(&self, stop: CancellationToken) {
        let (mut next_look, mut anybody) = (Instant::now(), false);
        while !stop.is_cancelled() {
            if let Err(error) = self.desk.link.watched(self.turn(&mut next_look, &mut anybody)).await {
                tracing::warn!(error = %db::describe(&error), "the CRM's queue could not be looked at");
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(self.interval) => {}
            }
        }
    }

    async fn turn(&self, next_look: &mut Instant, anybody: &mut bool) -> Result<(), sqlx::Error> {
        if Instant::now() >= *next_look {
            *anybody = tenants(&self.desk).await?;
            *next_look = Instant::now() + TENANTS_INTERVAL;
            look_again(&self.desk).await?;
        }
        if *anybody { work_off(&self.desk).await } else { Ok(()) }
    }
}

/// Feeds once.
pub async fn feed(desk: &Desk) -> Result<(), sqlx::Error> {
    tenants(desk).await?;
    look_again(desk).await?;
    work_off(desk).await
}

/// Writes down who has a CRM. Returns whether anybody has.
pub(super) async fn tenants(desk: &Desk) -> Result<bool, sqlx::Error> {
    let (mut ids, mut delays, mut unreadable) = (Vec::new(), Vec::new(), Vec::new());
    for tenant in sqlx::query_file!("sql/jobs/all_settings.sql").fetch_all(&desk.pool).await? {
        let own: Value = serde_json::from_str(&tenant.settings).unwrap_or_default();
        match (desk.overlay)(&own) {
            Ok(settings) if settings.integrations.zoho.is_configured() => {
                ids.push(tenant.id);
                delays.push(settings.crm.push_delay.as_secs_f64());
            }
            Ok(_) => {}
            // Their jobs say what is wrong.
            Err(_) => unreadable.push(tenant.id),
        }
    }
    sqlx::query_file!("sql/jobs/set_crm_tenants.sql", &ids, &delays, &unreadable).execute(&desk.pool).await?;
    Ok(!ids.is_empty() || !unreadable.is_empty())
}

async fn look_again(desk: &Desk) -> Result<(), sqlx::Error> {
    sqlx::query_file!("sql/jobs/crm_look_again.sql", desk.now(), LOOK_AGAIN.as_secs_f64(), LOOK_AGAIN_MAX)
        .execute(&desk.pool)
        .await?;
    Ok(())
}

async fn work_off(desk: &Desk) -> Result<(), sqlx::Error> {
    while sqlx::query_file_scalar!("sql/jobs/crm_waits.sql").fetch_one(&desk.pool).await? {
        let taken = batch(desk).await?;
        // What is left is held by those who are writing to it.
        if taken < LEADS_MAX.unsigned_abs() {
            return Ok(());
        }
    }
    Ok(())
}

async fn batch(desk: &Desk) -> Result<u64, sqlx::Error> {
    let mut transaction = desk.pool.begin().await?;
    // What is put up names a person's lead.
    forgotten::hold_off_erasure(&mut transaction).await?;
    let taken = sqlx::query_file!("sql/jobs/crm_take.sql", LEADS_MAX).fetch_all(&mut *transaction).await?;
    let (ids, forced): (Vec<Uuid>, Vec<bool>) = taken.into_iter().map(|row| (row.lead_id, row.is_forced)).unzip();
    let asked = sqlx::query_file!("sql/jobs/crm_ask.sql", &ids, &forced).fetch_all(&mut *transaction).await?;
    let now = desk.now();
    let mut jobs = Vec::new();
    for lead in &asked {
        let delay = if lead.is_forced { 0.0 } else { lead.delay_seconds };
        let wait = TimeDelta::from_std(Duration::from_secs_f64(delay.max(0.0))).unwrap_or(TimeDelta::minutes(1));
        let payload = json!({ "lead_id": lead.lead_id, "number": lead.number, "force": lead.is_forced });
        jobs.push((lead.tenant_id, "push_to_crm", format!("{}:{}", lead.lead_id, lead.number), payload, now + wait));
        if lead.is_new {
            let payload = json!({ "lead_id": lead.lead_id });
            jobs.push((lead.tenant_id, "pull_from_crm", lead.lead_id.to_string(), payload, now));
        }
    }
    jobs.sort_by(|a, b| (a.1, &a.2).cmp(&(b.1, &b.2)));
    let jobs: Vec<NewJob<'_>> = jobs
        .iter()
        .map(|(tenant_id, kind, key, payload, due_at)| NewJob {
            tenant_id: *tenant_id,
            kind,
            key,
            payload,
            due_at: *due_at,
        })
        .collect();
    outbox::put(&mut transaction, &jobs).await?;
    transaction.commit().await?;
    Ok(ids.len() as u64)
}
