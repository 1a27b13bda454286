//! Lists of messages, the newest first.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{LOOK_MAX, Page, Place, cut, place};
use crate::access::{Scope, TenantScope};

/// A message in a list.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[expect(missing_docs, reason = "the comments of the columns in migrations/ say what each is")]
pub struct MessageItem {
    pub id: Uuid,
    pub provider: String,
    pub channel: String,
    pub direction: String,
    pub from_number: Option<String>,
    pub to_number: Option<String>,
    pub contact_number: Option<String>,
    pub body: Option<String>,
    pub status: Option<String>,
    pub error: Option<String>,
    pub sent_at: Option<DateTime<Utc>>,
}

/// Which messages; what is `None` does not matter.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "the names say what each is")]
pub struct MessageFilter {
    pub channel: Option<String>,
    pub direction: Option<String>,
    pub status: Option<String>,
}

/// A page of a tenant's messages, the newest first. Filters are looked for among the next rows only.
pub async fn list(
    connection: &mut PgConnection,
    scope: &TenantScope,
    filter: &MessageFilter,
    after: Option<Place>,
    limit: i64,
) -> Result<Page<MessageItem, Place>, sqlx::Error> {
    let (sent_at, id) = after.map_or((None, None), |(sent_at, id)| (sent_at, Some(id)));
    let mut items = sqlx::query_file_as!(
        MessageItem,
        "sql/people/list_messages.sql",
        scope.tenant(),
        sent_at,
        id,
        filter.channel,
        filter.direction,
        filter.status,
        limit + 1,
        LOOK_MAX,
    )
    .fetch_all(&mut *connection)
    .await?;
    let is_full = items.len() > usize::try_from(limit).unwrap_or(usize::MAX);
    let ends_untimed = items.last().is_some_and(|message| message.sent_at.is_none());
    let mut last = None;
    if !is_full || ends_untimed {
        last = sqlx::query_file!("sql/people/last_message_looked_at.sql", scope.tenant(), sent_at, id, LOOK_MAX)
            .fetch_optional(connection)
            .await?
            .map(|row| (row.sent_at, row.id));
    }
    if last.is_some() {
        // Those without a time come after all the others, of which some have not been looked at.
        items.retain(|message| message.sent_at.is_some());
    }
    let mut page = cut(items, limit, |message| (message.sent_at, message.id));
    page.next = page.next.or(last);
    page.items.iter_mut().for_each(|message| message.mask(scope.scope()));
    Ok(page)
}

/// The newest messages of one person.
pub(super) async fn of_number(
    connection: &mut PgConnection,
    scope: &TenantScope,
    number: &str,
    after: Option<Place>,
    limit: i64,
) -> Result<Vec<MessageItem>, sqlx::Error> {
    let (sent_at, id) = place(after);
    let mut items = sqlx::query_file_as!(
        MessageItem,
        "sql/people/messages_of_number.sql",
        scope.tenant(),
        number,
        limit,
        sent_at,
        id
    )
    .fetch_all(connection)
    .await?;
    items.iter_mut().for_each(|message| message.mask(scope.scope()));
    Ok(items)
}

impl MessageItem {
    fn mask(&mut self, scope: &Scope) {
        let numbers = [&mut self.from_number, &mut self.to_number, &mut self.contact_number];
        numbers.into_iter().for_each(|number| scope.number(number));
        scope.spoken(&mut self.body);
    }
}
