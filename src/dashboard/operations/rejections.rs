//! `/operations/rejections`: requests that were refused at the door, and why.

use actix_web::HttpResponse;
use askama::Template;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::PLACE;
use super::sight::Sight;
use crate::console::cursor;
use crate::dashboard::fault::Fault;
use crate::dashboard::shell::{Shell, page};
use crate::dashboard::show;
use crate::dashboard::visit::Visit;
use crate::dashboard::when::When;
use crate::store::rejections::{self, RejectionItem};

/// Refusals of a page.
const ROWS: usize = 50;

#[derive(Template)]
#[template(path = "operations_rejections.html", config = "src/dashboard/askama.toml")]
struct Page {
    shell: Shell,
    rows: Vec<Row>,
    next: Option<String>,
}

struct Row {
    item: RejectionItem,
    platform: String,
    at: When,
    times: String,
    bytes: String,
}

/// The page.
pub(in crate::dashboard) async fn show(visit: Visit) -> Result<HttpResponse, Fault> {
    let shell = visit.shell(PLACE, "Refused requests").await?;
    let sight = Sight::of(&shell, &shell.params);
    let after = shell.params.get("after");
    let after: Option<(DateTime<Utc>, Uuid)> =
        after.map(|text| cursor::decode(text).ok_or(Fault::NotFound)).transpose()?;
    let limit = i64::try_from(ROWS + 1).unwrap_or(i64::MAX);
    let mut transaction = visit.console.begin().await?;
    let mut items = rejections::list(&mut transaction, &sight.scope, after, limit).await?;
    drop(transaction);
    let is_more = items.len() > ROWS;
    items.truncate(ROWS);
    let last = items.last().filter(|_| is_more).and_then(|item| cursor::encode(&(item.at, item.id)));
    page(&Page {
        next: last.map(|place| shell.after(&place)),
        rows: items
            .into_iter()
            .map(|item| Row {
                platform: item.provider.as_deref().map_or(show::NOTHING, show::platform).to_owned(),
                at: When::of(&item.at, &shell),
                times: show::count(&item.repeats),
                bytes: show::count(&item.body_bytes),
                item,
            })
            .collect(),
        shell,
    })
}
