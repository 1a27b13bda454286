//! Calls in numbers, over time and by campaign. Quarters of an hour that ended are added up once and kept
//! (`call_quarters`), until a call of theirs changes; the rest is counted as it stands.

use std::time::Duration;

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, PgPool};
use tokio::time::Instant;
use utoipa::ToSchema;
use uuid::Uuid;

use super::responses::{self, Responses};
use crate::access::TenantScope;
use crate::db;

/// What is added up at once: every time zone begins its days at a quarter.
const QUARTER: TimeDelta = TimeDelta::minutes(15);
/// Quarters of one transaction: two thirds of a second for ten thousand calls a day, and what is done stays done.
const QUARTERS_AT_ONCE: i64 = 500;
/// Changes of one transaction; there are many after old calls were imported.
const CHANGES_AT_ONCE: i64 = 100_000;
/// How long somebody waits for numbers that were never added up; they have the rest when they ask again.
const REFRESH_LONGEST: Duration = Duration::from_secs(2);
/// Where somebody else adds them up just now, it is looked again after so long.
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// Days of the longest window: a year beside the same month of the year before. It bounds what is read, whatever the
/// number of calls: 38,400 quarters, each with one row a unit of cost (by campaign, one more for each that had calls
/// then), from call_quarters by its key; and the calls of the last two hours.
pub const WINDOW_DAYS_MAX: i64 = 400;
/// Whole days are longer than so many times 24 hours where the clocks are put back meanwhile.
const CLOCK_CHANGE: TimeDelta = TimeDelta::hours(1);

/// From when until when, in whole quarters of an hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    from: DateTime<Utc>,
    until: DateTime<Utc>,
}

/// What the numbers are by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Step {
    /// By the hour.
    Hour,
    /// By the day of the tenant's time zone.
    #[default]
    Day,
}

/// How numbers are split.
#[derive(Clone, Copy, Debug)]
pub struct By<'a> {
    /// Into hours or days.
    pub step: Step,
    /// The time zone of tenants that have none of their own.
    pub time_zone: &'a str,
    /// Of this campaign alone.
    pub campaign_id: Option<Uuid>,
}

/// Numbers of some calls.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
#[expect(missing_docs, reason = "the names say what each is")]
pub struct Numbers {
    pub calls: i64,
    pub inbound: i64,
    pub outbound: i64,
    pub answered: i64,
    pub missed: i64,
    pub converted: i64,
    pub positive: i64,
    pub neutral: i64,
    pub negative: i64,
    pub talk_ms: i64,
    /// By unit.
    pub cost: Vec<Cost>,
}

/// What platforms charged.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Cost {
    /// `usd_cents`, `ils_agorot`, `credits`.
    pub unit: String,
    /// How many of it.
    pub amount: f64,
}

/// Numbers of an hour or a day; one without calls is left out.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct StepNumbers {
    /// When it begins.
    pub at: DateTime<Utc>,
    /// Of the calls that began in it.
    pub numbers: Numbers,
}

/// A tenant's calls in numbers.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Overview {
    /// The beginning of the window.
    pub from: DateTime<Utc>,
    /// Its end.
    pub until: DateTime<Utc>,
    /// Of all of it.
    pub total: Numbers,
    /// By hour or day, the earliest first.
    pub steps: Vec<StepNumbers>,
    /// The answers to missed calls.
    pub responses: Responses,
}

/// A campaign in numbers.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct CampaignStats {
    /// Its id; null: calls of no campaign.
    pub id: Option<Uuid>,
    /// Its name.
    pub name: Option<String>,
    /// Telephone numbers that make a call its own.
    pub phone_numbers: i64,
    /// Agents that do.
    pub agents: i64,
    /// Of its calls.
    pub numbers: Numbers,
}

impl Window {
    /// Widens it to whole quarters. `None`: it ends before it begins, or is too long.
    pub fn new(from: DateTime<Utc>, until: DateTime<Utc>) -> Option<Self> {
        let from = from.duration_trunc(QUARTER).ok()?;
        let until = until.checked_add_signed(QUARTER - TimeDelta::microseconds(1))?.duration_trunc(QUARTER).ok()?;
        let longest = TimeDelta::days(WINDOW_DAYS_MAX) + CLOCK_CHANGE + QUARTER * 2;
        (from < until && until.signed_duration_since(from) <= longest).then_some(Self { from, until })
    }
}

impl Step {
    fn as_str(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
        }
    }
}

macro_rules! numbers {
    ($row:expr) => {
        Numbers {
            calls: $row.calls,
            inbound: $row.inbound,
            outbound: $row.outbound,
            answered: $row.answered,
            missed: $row.missed,
            converted: $row.converted,
            positive: $row.positive,
            neutral: $row.neutral,
            negative: $row.negative,
            talk_ms: $row.talk_ms,
            cost: $row.cost_unit.map(|unit| Cost { unit, amount: $row.cost }).into_iter().collect(),
        }
    };
}

/// Adds up what is not added up yet, or has changed, in transactions of its own. Returns whether all of the window is:
/// where there is more than somebody waits for, the older numbers are missing until they ask again.
pub async fn refresh_overview(pool: &PgPool, scope: &TenantScope, window: Window) -> Result<bool, sqlx::Error> {
    let end = Instant::now() + REFRESH_LONGEST;
    let mut is_more = true;
    while is_more && Instant::now() < end {
        let mut transaction = db::bounded(pool, REFRESH_LONGEST * 2).await?;
        let lock = sqlx::query_file_scalar!("sql/people/lock_quarters.sql", scope.tenant());
        if !lock.fetch_one(&mut *transaction).await? {
            transaction.rollback().await?;
            tokio::time::sleep(LOOK_AGAIN).await;
            continue;
        }
        let dropped = sqlx::query_file_scalar!("sql/people/drop_changed_quarters.sql", scope.tenant(), CHANGES_AT_ONCE);
        let is_more_changed = dropped.fetch_one(&mut *transaction).await?;
        let Window { from, until } = window;
        let filled =
            sqlx::query_file_scalar!("sql/people/fill_quarters.sql", scope.tenant(), from, until, QUARTERS_AT_ONCE);
        is_more = filled.fetch_one(&mut *transaction).await? || is_more_changed;
        transaction.commit().await?;
    }
    Ok(!is_more)
}

/// The numbers of a window, after [`refresh_overview`].
pub async fn overview(
    connection: &mut PgConnection,
    scope: &TenantScope,
    window: Window,
    by: By<'_>,
) -> Result<Overview, sqlx::Error> {
    let Window { from, until } = window;
    let (total, steps) = steps(&mut *connection, scope, window, by).await?;
    let responses = responses::within(connection, scope, (from, until)).await?;
    Ok(Overview { from, until, total, steps, responses })
}

/// The numbers of a window in all and over time, of all calls or of one campaign's, after [`refresh_overview`].
pub async fn steps(
    connection: &mut PgConnection,
    scope: &TenantScope,
    window: Window,
    by: By<'_>,
) -> Result<(Numbers, Vec<StepNumbers>), sqlx::Error> {
    let Window { from, until } = window;
    let By { step, time_zone, campaign_id } = by;
    let rows = sqlx::query_file!(
        "sql/people/overview.sql",
        scope.tenant(),
        from,
        until,
        step.as_str(),
        time_zone,
        campaign_id
    )
    .fetch_all(connection)
    .await?;
    let (mut total, mut steps) = (Numbers::default(), Vec::<StepNumbers>::new());
    for row in rows {
        let at = row.at;
        if steps.last().is_none_or(|step| step.at != at) {
            steps.push(StepNumbers { at, numbers: Numbers::default() });
        }
        let numbers = numbers!(row);
        total.add(&numbers);
        if let Some(step) = steps.last_mut() {
            step.numbers.add(&numbers);
        }
    }
    Ok((total, steps))
}

/// The numbers of each campaign in a window, by name, after [`refresh_overview`]; last those of no campaign, if any.
pub async fn campaign_stats(
    connection: &mut PgConnection,
    scope: &TenantScope,
    window: Window,
) -> Result<Vec<CampaignStats>, sqlx::Error> {
    let campaigns =
        sqlx::query_file!("sql/people/campaign_names.sql", scope.tenant()).fetch_all(&mut *connection).await?;
    let mut campaigns: Vec<CampaignStats> = campaigns
        .into_iter()
        .map(|row| CampaignStats {
            id: Some(row.id),
            name: Some(row.name),
            phone_numbers: row.phone_numbers,
            agents: row.agents,
            numbers: Numbers::default(),
        })
        .collect();
    let Window { from, until } = window;
    let rows =
        sqlx::query_file!("sql/people/campaign_stats.sql", scope.tenant(), from, until).fetch_all(connection).await?;
    for row in rows {
        let numbers = numbers!(row);
        match campaigns.iter_mut().find(|campaign| campaign.id == row.campaign_id) {
            Some(campaign) => campaign.numbers.add(&numbers),
            None => {
                campaigns.push(CampaignStats { id: row.campaign_id, name: None, phone_numbers: 0, agents: 0, numbers })
            }
        }
    }
    Ok(campaigns)
}

impl Numbers {
    /// And those of other calls.
    pub fn add(&mut self, other: &Self) {
        self.calls += other.calls;
        self.inbound += other.inbound;
        self.outbound += other.outbound;
        self.answered += other.answered;
        self.missed += other.missed;
        self.converted += other.converted;
        self.positive += other.positive;
        self.neutral += other.neutral;
        self.negative += other.negative;
        self.talk_ms += other.talk_ms;
        for cost in &other.cost {
            match self.cost.iter_mut().find(|known| known.unit == cost.unit) {
                Some(known) => known.amount += cost.amount,
                None => self.cost.push(cost.clone()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_whole_quarters_and_not_endless() {
        let at = |minutes: i64| DateTime::from_timestamp(minutes * 60, 0).unwrap();
        assert_eq!(Window::new(at(16), at(46)), Some(Window { from: at(15), until: at(60) }));
        assert_eq!(Window::new(at(15), at(45)), Some(Window { from: at(15), until: at(45) }));
        assert_eq!(Window::new(at(45), at(15)), None);
        let longest = TimeDelta::days(WINDOW_DAYS_MAX);
        assert_eq!(Window::new(at(0), at(0) + longest + TimeDelta::days(1)), None);
        assert!(Window::new(at(7), at(7) + longest).is_some());
        assert!(Window::new(at(0), at(60) + longest).is_some(), "the clocks were put back");
    }
}
