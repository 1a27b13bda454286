//! `/setup/audit`: who changed what, and who looked at whom; and the same as a file.

use actix_web::HttpResponse;
use askama::Template;
use serde_json::{Value, json};
use sqlx::PgConnection;

use super::PLACE;
use crate::access::TenantScope;
use crate::console::cursor;
use crate::dashboard::export::{self, Export};
use crate::dashboard::fault::Fault;
use crate::dashboard::shell::{Shell, page};
use crate::dashboard::show;
use crate::dashboard::visit::Visit;
use crate::dashboard::when::When;
use crate::store::operator_log::{Action, LogFilter, LogItem, LogPosition, list};
use crate::store::people::Page as Rows;

/// Operations of a page.
const ROWS: usize = 50;
/// The columns of the file; new ones come at the end.
const COLUMNS: [&str; 9] = ["id", "at", "actor", "actor_name", "tenant", "address", "action", "row_count", "details"];

#[derive(Template)]
#[template(path = "setup_audit.html", config = "src/dashboard/askama.toml")]
struct Page {
    shell: Shell,
    rows: Vec<Row>,
    next: Option<String>,
    file: String,
    /// Whether lines of all tenants can be shown.
    is_wide: bool,
    is_of_one: bool,
    actions: Vec<(&'static str, String, bool)>,
    actor: String,
    subject: String,
    from: String,
    until: String,
}

struct Row {
    at: When,
    action: String,
    actor: String,
    rows: String,
    details: String,
    item: LogItem,
}

/// The page.
pub(in crate::dashboard) async fn show(visit: Visit) -> Result<HttpResponse, Fault> {
    let shell = visit.shell(PLACE, "Audit log").await?;
    let filter = read(&shell)?;
    let after = shell.params.get("after");
    let after: Option<LogPosition> = after.map(|text| cursor::decode(text).ok_or(Fault::NotFound)).transpose()?;
    let limit = i64::try_from(ROWS + 1).unwrap_or(i64::MAX);
    let mut transaction = visit.console.begin().await?;
    let mut items = list(&mut transaction, &filter, after, limit).await?;
    drop(transaction);
    let is_more = items.len() > ROWS;
    items.truncate(ROWS);
    let last = items.last().filter(|_| is_more).and_then(|item| cursor::encode(&item.position()));
    let text = |name: &str| shell.params.owned(name).unwrap_or_default();
    page(&Page {
        next: last.map(|position| shell.after(&position)),
        file: format!("/setup/audit.csv{}", shell.params.without(&["after", "said"]).query()),
        is_wide: shell.scope.tenant_id().is_none(),
        is_of_one: filter.tenant_id.is_some(),
        actions: Action::ALL
            .iter()
            .map(|action| (action.as_str(), show::words(action.as_str()), filter.action == Some(*action)))
            .collect(),
        actor: text("actor"),
        subject: text("subject"),
        from: text("from"),
        until: text("until"),
        rows: items
            .into_iter()
            .map(|item| Row {
                at: When::of(&item.at, &shell),
                action: show::words(&item.action),
                actor: item.shown_actor().to_owned(),
                rows: show::count(&item.row_count),
                details: item.shown_details(),
                item,
            })
            .collect(),
        shell,
    })
}

/// The file.
pub(in crate::dashboard) async fn export(visit: Visit) -> Result<HttpResponse, Fault> {
    let shell = visit.shell(PLACE, "Audit log").await?;
    let filter = read(&shell)?;
    export::download(visit.console, shell, filter).await
}

/// The filter that a URL says. An administrator of all tenants sees all lines, or with `of=tenant` those of the tenant
/// that is shown; another one's are those of their tenant in any case.
fn read(shell: &Shell) -> Result<LogFilter, Fault> {
    let params = &shell.params;
    let moment = |name: &str, is_end| match params.get(name) {
        None => Ok(None),
        Some(text) => show::read_moment(text, shell.zone, is_end)
            .map(Some)
            .ok_or_else(|| Fault::unfit(format!("{name} is a day, such as 2026-11-20, or a time in RFC 3339."))),
    };
    let is_of_one = match params.get("of") {
        None | Some("all") => false,
        Some("tenant") => true,
        Some(_) => return Err(Fault::unfit("of is all or tenant.")),
    };
    let action = params.get("action").map(|word| Action::read(word).ok_or(Fault::unfit("There is no such action.")));
    let subject = params.get("subject").map(|text| text.parse().map_err(|_| Fault::unfit("subject is an id.")));
    Ok(LogFilter {
        tenant_id: if is_of_one { Some(shell.within().tenant()) } else { shell.scope.tenant_id() },
        actor: params.owned("actor"),
        action: action.transpose()?,
        from: moment("from", false)?,
        until: moment("until", true)?,
        subject: subject.transpose()?,
    })
}

impl Export for LogFilter {
    const FILE: &'static str = "audit.csv";
    const COLUMNS: &'static [&'static str] = &COLUMNS;
    type Place = LogPosition;
    type Cells = [String; COLUMNS.len()];

    async fn page(
        &self,
        connection: &mut PgConnection,
        _scope: &TenantScope,
        after: Option<LogPosition>,
        rows: i64,
    ) -> Result<Rows<Self::Cells, LogPosition>, sqlx::Error> {
        let items = list(connection, self, after, rows).await?;
        let is_full = i64::try_from(items.len()).is_ok_and(|count| count == rows);
        let next = items.last().filter(|_| is_full).map(LogItem::position);
        Ok(Rows { items: items.iter().map(cells).collect(), next, left_out: false })
    }

    fn described(&self) -> Value {
        json!({
            "by_actor": self.actor.is_some(), "action": self.action.map(Action::as_str), "from": self.from,
            "until": self.until, "subject": self.subject,
        })
    }

    fn is_of_all(&self) -> bool {
        self.tenant_id.is_none()
    }
}

fn cells(item: &LogItem) -> [String; COLUMNS.len()] {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    [
        item.id.to_string(),
        item.at.to_rfc3339(),
        item.actor.clone(),
        text(&item.actor_name),
        text(&item.tenant),
        text(&item.address),
        item.action.clone(),
        item.row_count.to_string(),
        item.details.to_string(),
    ]
}
