//! The watch: looks at intervals whether something is wrong, and keeps one incident for each trouble from its first sign
//! to its end, so that people hear of it once and not in a storm.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::PgConnection;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::analysis::BUDGET_IS_SPENT;
use super::{AlertSettings, Desk, event_watch, send_alert};
use crate::db;
use crate::outbox::{self, NewJob};
use crate::spool::{Holds, Spool};
use crate::store::billing::{self, Balance, CreditState};
use crate::store::second_factors;

/// Failed sign-ins for one login within a quarter of an hour, of which people are told: nobody mistypes so often.
const GUESSED_LOGIN_MIN: i64 = 50;

/// Watches. Any number may run; one of them looks at a time.
pub struct Watcher {
    desk: Arc<Desk>,
    settings: AlertSettings,
    spool: Option<Spool>,
}

impl Watcher {
    /// A watch with these bounds.
    pub fn new(desk: Arc<Desk>, settings: AlertSettings) -> Self {
        Self { desk, settings, spool: None }
    }

    /// One that also tells of what waits in this process's spool.
    pub fn over_spool(self, spool: Option<Spool>) -> Self {
        Self { spool, ..self }
    }

    /// Looks at intervals until told to stop.
    pub async fn run(&self, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(self.settings.interval) => {}
            }
            if let Err(error) = self.desk.link.watched(self.look()).await {
                tracing::warn!(error = %db::describe(&error), "the watch could not look");
            }
        }
    }

    /// Looks once: opens, keeps and ends incidents, and puts up the alerts.
    pub async fn look(&self) -> Result<(), sqlx::Error> {
        let now = self.desk.now();
        self.look_at_spool(now).await?;
        self.look_at_events(now).await?;
        let mut transaction = self.desk.pool.begin().await?;
        if !sqlx::query_file_scalar!("sql/jobs/lock_watch.sql").fetch_one(&mut *transaction).await? {
            return Ok(());
        }
        self.open(&mut transaction, now).await?;
        // People are told of an answer once, when it ends the outreach.
        for ended in sqlx::query_file!("sql/jobs/end_answered_outreaches.sql", now).fetch_all(&mut *transaction).await?
        {
            send_alert::of_outreach(&mut transaction, ended.tenant_id, ended.id, "answered", now).await?;
        }
        for over in sqlx::query_file!("sql/jobs/resolve_incidents.sql", now).fetch_all(&mut *transaction).await? {
            tell(&mut transaction, over.id, over.tenant_id, "resolved", now).await?;
        }
        transaction.commit().await
    }

    /// Only this process knows what is in its spool: it opens the incident, and ends it.
    async fn look_at_spool(&self, now: DateTime<Utc>) -> Result<(), sqlx::Error> {
        let Some(spool) = &self.spool else { return Ok(()) };
        let (holds, subject) = (spool.holds(), spool.directory().path().display().to_string());
        let mut transaction = self.desk.pool.begin().await?;
        if holds.records > 0 || holds.set_aside_bytes > 0 {
            self.keep(&mut transaction, of_spool(&holds, subject), now).await?;
        } else {
            let over = sqlx::query_file!("sql/jobs/resolve_incident.sql", now, "spool", subject);
            for over in over.fetch_all(&mut *transaction).await? {
                tell(&mut transaction, over.id, over.tenant_id, "resolved", now).await?;
            }
        }
        transaction.commit().await
    }

    /// In a transaction of its own: whatever else is wrong, an event that nobody would ever take is put back. Whoever puts it
    /// back tells of it, in the same transaction.
    async fn look_at_events(&self, now: DateTime<Utc>) -> Result<(), sqlx::Error> {
        let mut transaction = self.desk.pool.begin().await?;
        if !sqlx::query_file_scalar!("sql/jobs/lock_watch.sql").fetch_one(&mut *transaction).await? {
            return Ok(());
        }
        let lost = event_watch::look(&mut transaction, now).await?;
        if lost > 0 {
            self.keep(&mut transaction, of_lost(lost), now).await?;
        }
        transaction.commit().await?;
        self.desk.metrics.events_requeued(lost.unsigned_abs());
        Ok(())
    }

    async fn open(&self, connection: &mut PgConnection, now: DateTime<Utc>) -> Result<(), sqlx::Error> {
        let settings = &self.settings;
        let found = sqlx::query_file!(
            "sql/jobs/watch.sql",
            now,
            settings.lag_max.as_secs_f64(),
            i64::from(settings.refused_min),
            i32::try_from(settings.silence_hours_min).unwrap_or(i32::MAX),
            BUDGET_IS_SPENT,
            i64::from(settings.lost_calls_min),
            GUESSED_LOGIN_MIN,
            second_factors::WRONG_CODES_PER_DAY,
        )
        .fetch_all(&mut *connection)
        .await?;
        let found = found.into_iter().map(|row| Trouble {
            cause: row.cause,
            subject: row.subject,
            tenant_id: row.tenant_id,
            severity: row.severity,
            summary: row.summary,
        });
        let short_of_credit = billing::states(&mut *connection).await?.into_iter().map(of_credit);
        for trouble in found.chain(short_of_credit).collect::<Vec<_>>() {
            self.keep(connection, trouble, now).await?;
        }
        Ok(())
    }

    /// Opens an incident, or notes that it lasts, and tells people where they are to be told.
    async fn keep(
        &self,
        connection: &mut PgConnection,
        trouble: Trouble,
        now: DateTime<Utc>,
    ) -> Result<(), sqlx::Error> {
        let incident = sqlx::query_file!(
            "sql/jobs/open_incident.sql",
            trouble.cause,
            trouble.subject,
            trouble.tenant_id,
            trouble.severity,
            trouble.summary,
            now,
            self.settings.cooldown.as_secs_f64(),
        )
        .fetch_one(&mut *connection)
        .await?;
        if incident.tell {
            tracing::warn!(cause = trouble.cause, severity = trouble.severity, "{}", trouble.summary);
            tell(connection, incident.id, trouble.tenant_id, &now.timestamp().to_string(), now).await?;
        }
        Ok(())
    }
}

/// Something that is wrong. No personal data.
struct Trouble {
    cause: String,
    subject: String,
    tenant_id: Option<Uuid>,
    severity: String,
    summary: String,
}

fn of_lost(events: i64) -> Trouble {
    Trouble {
        cause: "lost_from_queue".to_owned(),
        subject: "events".to_owned(),
        tenant_id: None,
        severity: "critical".to_owned(),
        summary: format!(
            "{events} pending events were missing from event_queue and were put back: was it restored, replicated or \
             changed by hand?"
        ),
    }
}

fn of_spool(holds: &Holds, subject: String) -> Trouble {
    let is_lost = holds.set_aside_bytes > 0;
    let summary = match is_lost {
        true => {
            format!("{} bytes of the spool cannot be read or stored: switchhook spool status", holds.set_aside_bytes)
        }
        false => format!("{} webhooks wait in the spool: Postgres could not take them", holds.records),
    };
    let severity = if is_lost { "critical" } else { "warning" }.to_owned();
    Trouble { cause: "spool".to_owned(), subject, tenant_id: None, severity, summary }
}

fn of_credit(balance: Balance) -> Trouble {
    let is_exhausted = balance.state == Some(CreditState::Exhausted);
    let word = if is_exhausted { "exhausted" } else { "low" };
    Trouble {
        cause: "credit".to_owned(),
        subject: format!("{} of {}", balance.currency, balance.tenant_id),
        tenant_id: Some(balance.tenant_id),
        severity: if is_exhausted { "critical" } else { "warning" }.to_owned(),
        summary: format!("the credit is {word}: {} {} are left", balance.balance, balance.currency),
    }
}

/// Puts up the alert. What concerns no tenant in particular belongs to the house: the nil tenant.
async fn tell(
    connection: &mut PgConnection,
    incident_id: Uuid,
    tenant_id: Option<Uuid>,
    occasion: &str,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let job = NewJob {
        tenant_id: tenant_id.unwrap_or(Uuid::nil()),
        kind: "send_alert",
        key: &format!("{incident_id}:{occasion}"),
        payload: &json!({ "incident_id": incident_id }),
        due_at: now,
    };
    outbox::put(connection, &[job]).await
}
