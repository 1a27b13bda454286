//! Erasing one person: found everywhere first, then taken out, then looked for once more.
//!
//! It is several transactions, since a search through all payloads takes its time; each begins by waiting for the
//! batches in hand (`sql/store/begin_erasure.sql`), and the first writes down that the person is forgotten, so that
//! nothing of them comes in behind its back. Killed half-way, it is run again: it finds what is left.

use serde::Serialize;
use sqlx::{PgConnection, PgPool, Postgres, Transaction};
use uuid::Uuid;

use super::kept;
use super::search::{self, Found};
use crate::access::Actor;
use crate::crypto::Keys;
use crate::domain::{ForgottenRows, lead_id, phone};
use crate::redact::Phone;
use crate::store::operator_log::{Action, Line};
use crate::store::{forgotten, kept_requests};
use crate::{db, inbox};

/// Who is to be forgotten, and by whom.
#[derive(Clone, Debug)]
pub struct Person {
    /// Their number in E.164.
    pub number: Phone,
    /// The only tenant that is to forget them; `None`: all, and events that are nobody's.
    pub tenant_id: Option<Uuid>,
}

/// Rows of one place.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Place {
    /// The table, or the column.
    pub place: String,
    /// How many.
    pub rows: u64,
}

/// A table that could not be looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unread {
    /// The table.
    pub place: String,
    /// Why.
    pub reason: &'static str,
}

/// What was erased, or would be.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Report {
    /// Whether it was only counted.
    pub dry_run: bool,
    /// Rows by table.
    pub erased: Vec<Place>,
    /// Columns where the number is still found afterwards: tables of others in the same database, or a bug.
    pub left: Vec<Place>,
    /// Tables that could not be searched, mostly of others in the same database: nobody can say whether it is there.
    pub unread: Vec<Unread>,
}

impl Report {
    /// Rows that were erased, altogether.
    pub fn rows(&self) -> u64 {
        self.erased.iter().map(|place| place.rows).sum()
    }
}

/// The person, with all that is needed to find them.
pub(super) struct Sought {
    pub(super) number: Phone,
    pub(super) pattern: Phone,
    pub(super) tenants: Vec<Uuid>,
    pub(super) lead_ids: Vec<Uuid>,
    pub(super) with_unowned: bool,
}

/// Whether the number is one of our own: calls of everybody stand under it.
pub async fn is_ours(pool: &PgPool, number: &Phone) -> Result<bool, sqlx::Error> {
    sqlx::query_file_scalar!("sql/retention/is_ours.sql", number.expose()).fetch_one(pool).await
}

/// Counts what is there of a person.
pub async fn preview(pool: &PgPool, keys: &Keys, person: &Person) -> Result<Report, sqlx::Error> {
    let sought = seek(pool, keys, person).await?;
    let mut found = Found::default();
    search::rows(pool, &sought, &mut found).await?;
    found.jobs = search::jobs(pool, &sought, &found).await?;
    let mut after = None;
    while let Some(page) = search::events(pool, &sought, &found, after).await? {
        found.events += page.ids.len() as u64;
        after = Some(page.last_id);
    }
    found.kept = kept::find(pool, keys, &sought).await?.len() as u64;
    let theirs = [&found.calls[..], &found.messages[..]].concat();
    let others = search::mentions(pool, &sought).await?.into_iter().filter(|(_, id)| !theirs.contains(id)).count();
    Ok(Report { dry_run: true, erased: found.places(others as u64), ..Report::default() })
}

/// Erases a person. The operator log does not get the number.
pub async fn forget(pool: &PgPool, keys: &Keys, person: &Person, actor: Actor) -> Result<Report, sqlx::Error> {
    let sought = seek(pool, keys, person).await?;
    let mut found = Found::default();
    search::rows(pool, &sought, &mut found).await?;
    let line = Line::by(actor, Action::Forget).tenant(person.tenant_id).with("tenants", sought.tenants.len());
    let mut work = Work { pool, keys, sought: &sought, log_id: Uuid::now_v7(), line };
    work.rows(&mut found).await?;
    work.events(&mut found).await?;
    work.jobs(&mut found).await?;
    work.kept(&mut found).await?;
    let mentions = work.mentions().await?;
    work.records(&found).await?;
    // Once more: an event that was on its way may have named no number.
    work.strip(&found).await?;
    let (left, unread) = search::left(pool, &sought, person.tenant_id).await?;
    Ok(Report { dry_run: false, erased: found.places(mentions), left, unread })
}

async fn seek(pool: &PgPool, keys: &Keys, person: &Person) -> Result<Sought, sqlx::Error> {
    let ids = keys.load(pool).await?;
    let tenants = match person.tenant_id {
        Some(tenant_id) => vec![tenant_id],
        None => sqlx::query_file_scalar!("sql/retention/tenants.sql").fetch_all(pool).await?,
    };
    Ok(Sought {
        number: person.number.clone(),
        // What is no number stands nowhere but as it is written; the caller has made sure of one.
        pattern: phone::pattern(&person.number).unwrap_or_else(|| Phone::new("(?!)")),
        lead_ids: tenants.iter().map(|tenant_id| lead_id(ids, *tenant_id, person.number.expose())).collect(),
        tenants,
        with_unowned: person.tenant_id.is_none(),
    })
}

/// The steps that write.
struct Work<'a> {
    pool: &'a PgPool,
    keys: &'a Keys,
    sought: &'a Sought,
    log_id: Uuid,
    line: Line,
}

impl Work<'_> {
    /// A transaction that no batch of a processor overlaps.
    async fn begin(&self) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
        let mut transaction = db::patient(self.pool).await?;
        forgotten::begin_erasure(&mut transaction).await?;
        Ok(transaction)
    }

    async fn commit(&self, mut transaction: Transaction<'static, Postgres>, rows: u64) -> Result<(), sqlx::Error> {
        self.line.clone().rows(rows).write_step(&mut transaction, self.log_id).await?;
        transaction.commit().await
    }

    /// From here on the person is forgotten.
    async fn rows(&mut self, found: &mut Found) -> Result<(), sqlx::Error> {
        let key = self.keys.load(self.pool).await?;
        let mut transaction = self.begin().await?;
        forgotten::add(&mut transaction, key, &self.sought.tenants, &self.sought.number).await?;
        search::latest_calls(&mut transaction, self.sought, found).await?;
        let stripped = forgotten::strip(&mut transaction, &rows_of(found), Some(&self.sought.number)).await?;
        let deleted = self.delete_leads(&mut transaction, found).await?;
        (found.leads, found.recordings) = (deleted.0, stripped.recordings);
        found.analytics = stripped.analytics + deleted.1;
        self.delete_live(&mut transaction, found).await?;
        let total = found.leads
            + found.analytics
            + found.appointments
            + found.notes
            + stripped.calls
            + stripped.messages
            + stripped.recordings;
        self.commit(transaction, total).await
    }

    async fn delete_leads(&self, connection: &mut PgConnection, found: &mut Found) -> Result<(u64, u64), sqlx::Error> {
        let Sought { lead_ids, tenants, number, .. } = self.sought;
        let leads = sqlx::query_file!("sql/retention/delete_lead.sql", lead_ids)
            .execute(&mut *connection)
            .await?
            .rows_affected();
        sqlx::query_file!("sql/retention/delete_crm_links.sql", lead_ids).execute(&mut *connection).await?;
        let outreaches = sqlx::query_file_scalar!("sql/retention/delete_outreaches.sql", lead_ids)
            .fetch_all(&mut *connection)
            .await?;
        found.outreaches.extend(outreaches);
        sqlx::query_file!("sql/retention/delete_allowances.sql", lead_ids).execute(&mut *connection).await?;
        let analyses = sqlx::query_file!("sql/retention/delete_complete_analyses.sql", tenants, number.expose())
            .execute(connection)
            .await?
            .rows_affected();
        Ok((leads, analyses))
    }

    /// What an agent has written down during a call. What it was answered goes with the payload of its request.
    async fn delete_live(&self, connection: &mut PgConnection, found: &mut Found) -> Result<(), sqlx::Error> {
        let (tenants, number) = (&self.sought.tenants, self.sought.number.expose());
        found.appointments = sqlx::query_file!("sql/retention/delete_appointments.sql", tenants, number)
            .execute(&mut *connection)
            .await?
            .rows_affected();
        found.notes = sqlx::query_file!("sql/retention/delete_notes.sql", tenants, number)
            .execute(connection)
            .await?
            .rows_affected();
        Ok(())
    }

    async fn events(&mut self, found: &mut Found) -> Result<(), sqlx::Error> {
        let mut after = None;
        while let Some(page) = search::events(self.pool, self.sought, found, after).await? {
            if !page.ids.is_empty() {
                let mut transaction = self.begin().await?;
                let removed = inbox::remove_payloads(&mut transaction, &page.ids).await?;
                found.events += removed;
                self.commit(transaction, removed).await?;
            }
            after = Some(page.last_id);
        }
        Ok(())
    }

    async fn jobs(&mut self, found: &mut Found) -> Result<(), sqlx::Error> {
        found.jobs = search::jobs(self.pool, self.sought, found).await?;
        if found.jobs.is_empty() {
            return Ok(());
        }
        let leads: Vec<String> = self.sought.lead_ids.iter().map(Uuid::to_string).collect();
        let mut transaction = self.begin().await?;
        let changed =
            sqlx::query_file!("sql/retention/forget_jobs.sql", &found.jobs, self.sought.pattern.expose(), &leads)
                .execute(&mut *transaction)
                .await?
                .rows_affected();
        self.commit(transaction, changed).await
    }

    /// Requests that nothing verified: what they say has never come in.
    async fn kept(&mut self, found: &mut Found) -> Result<(), sqlx::Error> {
        let ids = kept::find(self.pool, self.keys, self.sought).await?;
        if ids.is_empty() {
            return Ok(());
        }
        let mut transaction = self.begin().await?;
        found.kept = kept_requests::remove(&mut *transaction, &ids).await?;
        self.commit(transaction, found.kept).await
    }

    /// What others said of the person's number.
    async fn mentions(&mut self) -> Result<u64, sqlx::Error> {
        let mentions = search::mentions(self.pool, self.sought).await?;
        if mentions.is_empty() {
            return Ok(0);
        }
        let of = |place: &str| -> Vec<Uuid> {
            mentions.iter().filter(|(found_in, _)| found_in == place).map(|(_, id)| *id).collect()
        };
        let pattern = self.sought.pattern.expose();
        let mut transaction = self.begin().await?;
        macro_rules! mask {
            ($file:literal, $place:literal) => {
                sqlx::query_file!($file, &of($place), pattern).execute(&mut *transaction).await?;
            };
        }
        mask!("sql/retention/mask_calls.sql", "calls");
        mask!("sql/retention/mask_messages.sql", "messages");
        mask!("sql/retention/mask_analytics.sql", "lead_analytics");
        mask!("sql/retention/mask_leads.sql", "leads");
        mask!("sql/retention/mask_notes.sql", "lead_notes");
        mask!("sql/retention/mask_appointments.sql", "appointments");
        let rows = mentions.len() as u64;
        self.commit(transaction, rows).await?;
        Ok(rows)
    }

    /// What the program keeps of those who worked with the person: whom a line of the operator log is about, and what a
    /// repeated request would be answered.
    async fn records(&self, found: &Found) -> Result<(), sqlx::Error> {
        let Sought { lead_ids, number, pattern, .. } = self.sought;
        let tenants = (!self.sought.with_unowned).then_some(&self.sought.tenants[..]);
        // What is no whole number is written in no line.
        let numbers: Vec<String> = phone::pattern(number).map(|_| number.expose().to_owned()).into_iter().collect();
        let ids: Vec<String> = found.calls.iter().chain(&found.messages).chain(lead_ids).map(Uuid::to_string).collect();
        let mut transaction = self.begin().await?;
        sqlx::query_file_scalar!("sql/retention/forget_log.sql", lead_ids, &numbers, tenants)
            .fetch_one(&mut *transaction)
            .await?;
        sqlx::query_file!("sql/retention/forget_answers.sql", pattern.expose(), &ids)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await
    }

    async fn strip(&mut self, found: &Found) -> Result<(), sqlx::Error> {
        let mut transaction = self.begin().await?;
        forgotten::strip(&mut transaction, &rows_of(found), Some(&self.sought.number)).await?;
        // Mostly rows that were counted before.
        self.commit(transaction, 0).await
    }
}

fn rows_of(found: &Found) -> ForgottenRows {
    ForgottenRows { calls: found.calls.clone(), messages: found.messages.clone(), recordings: Vec::new() }
}
