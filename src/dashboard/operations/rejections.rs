//! `/operations/rejections`: requests that were refused at the door, and why; and verifying once more what was kept of them.

use actix_web::HttpResponse;
use askama::Template;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::PLACE;
use super::bulk::Confirm;
use super::sight::Sight;
use crate::admin::rejections::reverify;
use crate::console::cursor;
use crate::dashboard::fault::Fault;
use crate::dashboard::shell::{Shell, page, see_other};
use crate::dashboard::show;
use crate::dashboard::visit::Visit;
use crate::dashboard::when::When;
use crate::store::kept_requests::{self, Which};
use crate::store::rejections::{self, RejectionItem};

/// Where kept requests are verified once more.
const REVERIFY: &str = "/operations/rejections/reverify";
/// Refusals of a page.
const ROWS: usize = 50;

#[derive(Template)]
#[template(path = "operations_rejections.html", config = "src/dashboard/askama.toml")]
struct Page {
    shell: Shell,
    rows: Vec<Row>,
    next: Option<String>,
    /// Where kept requests are verified once more, if there are any.
    reverify: Option<String>,
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
    let kept = kept_requests::list(&mut transaction, &sight.scope, None, None, 1).await?;
    drop(transaction);
    let is_more = items.len() > ROWS;
    items.truncate(ROWS);
    let last = items.last().filter(|_| is_more).and_then(|item| cursor::encode(&(item.at, item.id)));
    page(&Page {
        reverify: (!kept.is_empty()).then(|| sight.link(&shell, REVERIFY, &[])),
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

/// Says how many kept requests verify now, and asks.
pub(in crate::dashboard) async fn confirm(visit: Visit) -> Result<HttpResponse, Fault> {
    let mut shell = visit.shell(PLACE, "Store what verifies now?").await?;
    let sight = Sight::of(&shell, &shell.params);
    let keys = visit.console.keys();
    let counted = reverify(visit.pool(), keys, &sight.scope, &Which::default(), true).await?;
    let count = |rows: u64| i64::try_from(rows).unwrap_or(i64::MAX);
    let requests = show::plural(count(counted.verified), "request", "requests");
    shell.title = format!("Store {requests}?");
    let verified = ("Verified now".to_owned(), show::count(&count(counted.verified)));
    let refused = counted.refused.iter().map(|(why, rows)| (format!("Stays out: {why}"), show::count(&count(*rows))));
    page(&Confirm {
        title: shell.title.clone(),
        explanation: "They were refused because nothing verified them, and are verified now as of the time at which they came. \
                      They become events as if they had come in today; what is known already stays one.",
        groups: std::iter::once(verified).chain(refused).collect(),
        action: sight.link(&shell, REVERIFY, &[]),
        button: format!("Store {requests}"),
        is_danger: false,
        wants_note: false,
        hidden: Vec::new(),
        is_nothing: counted.verified == 0,
        back: sight.link(&shell, "/operations/rejections", &[]),
        shell,
    })
}

/// Stores them.
pub(in crate::dashboard) async fn run(visit: Visit) -> Result<HttpResponse, Fault> {
    let shell = visit.shell(PLACE, "Working").await?;
    let sight = Sight::of(&shell, &visit.form);
    let keys = visit.console.keys();
    let done = reverify(visit.pool(), keys, &sight.scope, &Which::default(), false).await?;
    let rows = done.verified.to_string();
    Ok(see_other(&sight.link(&shell, PLACE, &[("said", "reverify"), ("rows", &rows)])))
}
