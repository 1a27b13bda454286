//! Which calls fit a filter: the one place that lists, counts and bulk acts ask.

use std::cmp::Reverse;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::search::{self, Calls, Candidates, Words};
use super::{CallFilter, Page, Place, Search, Within, cut};
use crate::access::TenantScope;

/// Newest calls in which words are looked for first: a frequent one fills a page from them, and costs no more.
const FIRST_LOOK: i64 = 1_000;
/// Calls in which words are looked for that very many calls have, but few of the newest.
const FREQUENT_LOOK: i64 = 5_000;

/// How many, and among how many.
#[derive(Clone, Copy, Debug)]
pub(super) struct Looking {
    pub(super) limit: i64,
    pub(super) look: i64,
}

/// The calls that fit, in order, and the place up to which was looked.
pub(super) async fn find(
    connection: &mut PgConnection,
    scope: &TenantScope,
    filter: &CallFilter,
    after: Option<Place>,
    looking: Looking,
) -> Result<Page<Place, Place>, sqlx::Error> {
    let mut walk = Walk { connection, scope, filter, after, looking };
    if let Some(number) = &filter.number {
        let within = walk.within();
        let oldest_first = filter.oldest_first;
        let number = std::slice::from_ref(number);
        let calls = search::calls_of(walk.connection, scope, number, None, within, oldest_first).await?;
        return walk.among(&calls, filter.words()).await;
    }
    let Some(search) = &filter.search else { return walk.along(NO_WORDS).await };
    if matches!(search, Search::Text(_)) {
        walk.looking = Looking { look: FIRST_LOOK, ..looking };
        let first = walk.along(search.words()).await?;
        if first.items.len() >= usize::try_from(looking.limit).unwrap_or(usize::MAX) {
            return Ok(first);
        }
    }
    let within = walk.within();
    match search.calls(walk.connection, scope, within, filter.oldest_first).await? {
        Candidates::Calls(calls) => walk.among(&calls, NO_WORDS).await,
        Candidates::Frequent => {
            walk.looking = Looking { look: FREQUENT_LOOK, ..looking };
            walk.along(search.words()).await
        }
    }
}

const NO_WORDS: Words<'static> = (None, None, None);

impl CallFilter {
    fn words(&self) -> Words<'_> {
        match &self.search {
            Some(search @ Search::Text(_)) => search.words(),
            _ => NO_WORDS,
        }
    }
}

/// Larger for what comes first in a list, the newest first.
fn newness((started_at, id): &Place) -> (Option<DateTime<Utc>>, Reverse<Uuid>) {
    (*started_at, Reverse(*id))
}

struct Walk<'a> {
    connection: &'a mut PgConnection,
    scope: &'a TenantScope,
    filter: &'a CallFilter,
    after: Option<Place>,
    looking: Looking,
}

impl Walk<'_> {
    /// The times that calls still to come are started within.
    fn within(&self) -> Within {
        let CallFilter { from, until, .. } = self.filter;
        match self.after.and_then(|(started_at, _)| started_at) {
            None => (*from, *until),
            Some(at) if self.filter.oldest_first => (from.map_or(Some(at), |from| Some(from.max(at))), *until),
            Some(at) => (*from, until.map_or(Some(at), |until| Some(until.min(at)))),
        }
    }

    fn place(&self) -> (Option<DateTime<Utc>>, Option<Uuid>) {
        self.after.map_or((None, None), |(started_at, id)| (started_at, Some(id)))
    }

    /// Among these calls, up to the place beyond which somebody has more.
    async fn among(&mut self, calls: &Calls, words: Words<'_>) -> Result<Page<Place, Place>, sqlx::Error> {
        let mut found = self.run(Some(&calls.ids), words).await?;
        let until = calls.until;
        if let Some(until) = until {
            let is_before = |place: &Place| match self.filter.oldest_first {
                true => newness(place) <= newness(&until),
                false => newness(place) >= newness(&until),
            };
            found.retain(is_before);
        }
        let mut page = cut(found, self.looking.limit, |place| *place);
        page.next = page.next.or(until);
        page.left_out = calls.left_out;
        Ok(page)
    }

    /// Among the next calls of all.
    async fn along(&mut self, words: Words<'_>) -> Result<Page<Place, Place>, sqlx::Error> {
        let mut found = self.run(None, words).await?;
        let is_full = found.len() > usize::try_from(self.looking.limit).unwrap_or(usize::MAX);
        let ends_untimed =
            !self.filter.oldest_first && found.last().is_some_and(|(started_at, _)| started_at.is_none());
        let last = if is_full && !ends_untimed { None } else { self.last_looked_at().await? };
        if ends_untimed && last.is_some() {
            // Those without a time come after all the others, of which some have not been looked at.
            found.retain(|(started_at, _)| started_at.is_some());
        }
        let mut page = cut(found, self.looking.limit, |place| *place);
        page.next = page.next.or(last);
        Ok(page)
    }

    async fn last_looked_at(&mut self) -> Result<Option<Place>, sqlx::Error> {
        let ((started_at, id), CallFilter { from, until, .. }) = (self.place(), self.filter);
        let (tenant_id, look) = (self.scope.tenant(), self.looking.look);
        macro_rules! last {
            ($file:literal) => {
                sqlx::query_file!($file, tenant_id, started_at, id, *from, *until, look)
                    .fetch_optional(&mut *self.connection)
                    .await?
                    .map(|row| (row.started_at, row.id))
            };
        }
        Ok(match self.filter.oldest_first {
            true => last!("sql/people/last_looked_at_oldest.sql"),
            false => last!("sql/people/last_looked_at.sql"),
        })
    }

    async fn run(&mut self, calls: Option<&[Uuid]>, words: Words<'_>) -> Result<Vec<Place>, sqlx::Error> {
        let ((started_at, id), filter) = (self.place(), self.filter);
        let (spoken, name, typed) = words;
        macro_rules! run {
            ($file:literal) => {
                sqlx::query_file!(
                    $file,
                    self.scope.tenant(),
                    started_at,
                    id,
                    filter.from,
                    filter.until,
                    filter.provider,
                    filter.direction,
                    filter.status,
                    filter.disposition,
                    filter.missed,
                    filter.agent,
                    filter.campaign_id,
                    filter.converted,
                    filter.needs_review,
                    filter.unattributed,
                    self.looking.limit + 1,
                    self.looking.look,
                    calls,
                    spoken,
                    name,
                    typed,
                    filter.answered,
                    filter.sentiment,
                )
                .fetch_all(&mut *self.connection)
                .await?
                .into_iter()
                .map(|row| (row.started_at, row.id))
                .collect()
            };
        }
        Ok(match filter.oldest_first {
            true => run!("sql/people/match_calls_oldest.sql"),
            false => run!("sql/people/match_calls.sql"),
        })
    }
}

#[cfg(test)]
mod tests {
    /// One statement for both orders would sort all rows that it looks at: two are merged along the index, and stop.
    #[test]
    fn both_orders_ask_the_same_of_a_call() {
        let asked = |statement: &str| {
            let from = statement.find("\nwhere ($6").unwrap();
            statement[from..statement.rfind("order by").unwrap()].to_owned()
        };
        let newest = include_str!("../../../sql/people/match_calls.sql");
        assert_eq!(asked(newest), asked(include_str!("../../../sql/people/match_calls_oldest.sql")));
    }
}
