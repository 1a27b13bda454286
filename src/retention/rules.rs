//! `retention_rules`: how long each kind of data is kept, for all tenants or for one.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgExecutor;
use uuid::Uuid;

/// Declares an enum of words that the database and the command line share.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
        pub enum $name { $($(#[$vdoc])* #[serde(rename = $text)] $variant),+ }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            /// The one of this word.
            pub fn read(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.as_str() == word)
            }
        }
    };
}

words!(
    /// A kind of data that has a rule of its own.
    Kind {
        /// What platforms sent, in `webhook_events`. The rows and their keys stay.
        Payloads = "payloads",
        /// What was said in calls.
        Transcripts = "transcripts",
        /// Audio, and links to it.
        Recordings = "recordings",
        /// What was written to people, and what they wrote.
        Messages = "messages",
        /// What was made of calls: summaries, extracted data, scores.
        Analytics = "analytics",
        /// Requests that were refused at the door.
        Rejections = "rejections",
    }
);
words!(
    /// What is done with data that is old enough.
    Action {
        /// It goes.
        Delete = "delete",
        /// What counts stays (times, durations, states); what is personal goes.
        Anonymise = "anonymise",
    }
);

impl Kind {
    /// Whether something of this kind is left that counts once what is personal is gone. A machine cannot make anonymous
    /// what people said.
    pub fn can_be_anonymised(self) -> bool {
        !matches!(self, Self::Payloads | Self::Transcripts)
    }

    /// Whether it belongs to a tenant. Who is refused at the door has proven to be nobody's.
    pub fn has_tenants(self) -> bool {
        self != Self::Rejections
    }
}

/// A rule.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rule {
    /// Its id.
    #[serde(skip)]
    pub id: Uuid,
    /// The tenant.
    #[serde(skip)]
    pub tenant_id: Option<Uuid>,
    /// The slug of the tenant; `None`: every tenant that has no rule of its own for this kind.
    pub tenant: Option<String>,
    /// What it is about.
    pub kind: Kind,
    /// How long it is kept; `None`: for ever.
    pub keep_seconds: Option<i64>,
    /// What is done then.
    pub action: Action,
    /// When the rule was made.
    pub created_at: DateTime<Utc>,
}

/// All rules.
pub async fn rules(executor: impl PgExecutor<'_>) -> Result<Vec<Rule>, sqlx::Error> {
    let rows = sqlx::query_file!("sql/retention/rules.sql").fetch_all(executor).await?;
    let rows = rows.into_iter().filter_map(|row| {
        Some(Rule {
            id: row.id,
            tenant_id: row.tenant_id,
            tenant: row.tenant,
            kind: Kind::read(&row.kind)?,
            keep_seconds: row.keep_seconds,
            action: Action::read(&row.action)?,
            created_at: row.created_at,
        })
    });
    Ok(rows.collect())
}

/// Makes a rule, or changes the one that there is. `keep`: `None` for ever.
pub async fn set(
    executor: impl PgExecutor<'_>,
    tenant_id: Option<Uuid>,
    kind: Kind,
    keep: Option<Duration>,
    action: Action,
) -> Result<(), sqlx::Error> {
    let keep_seconds = keep.map(|keep| i64::try_from(keep.as_secs()).unwrap_or(i64::MAX));
    sqlx::query_file!("sql/retention/set_rule.sql", tenant_id, kind.as_str(), keep_seconds, action.as_str())
        .execute(executor)
        .await?;
    Ok(())
}

/// Takes a rule away. False: there is none.
pub async fn unset(executor: impl PgExecutor<'_>, tenant_id: Option<Uuid>, kind: Kind) -> Result<bool, sqlx::Error> {
    let result = sqlx::query_file!("sql/retention/unset_rule.sql", tenant_id, kind.as_str()).execute(executor).await?;
    Ok(result.rows_affected() == 1)
}
