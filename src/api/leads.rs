//! `/leads`: the list, one lead, and what people own of it.

use actix_web::web::{Data, Path, Query, ReqData};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::answer::{Changed, given, tagged};
use super::json::Json;
use super::page::{self, List};
use super::problem::Problem;
use crate::console::{Console, Entry};
use crate::domain::LeadStage;
use crate::redact::{Email, PersonName};
use crate::store::people::{self, LeadDetail, LeadEdit, LeadFilter, LeadItem, Moment, Revealed};

/// Which leads.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct LeadQuery {
    /// The slug of the tenant; needed by who sees several.
    tenant: Option<String>,
    /// The `next` of the page before.
    after: Option<String>,
    /// Rows of a page: 1 to 500, 50 when nobody says.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<i64>,
    /// new, contacted, engaged, qualified, won, lost.
    stage: Option<String>,
    /// One of their tags.
    tag: Option<String>,
    /// Whether they want no messages.
    opted_out: Option<bool>,
    /// Their number in E.164. Not for viewers.
    number: Option<String>,
    /// A number or its last digits, a name or how its words begin, or our id. Viewers: our id only.
    search: Option<String>,
    /// number (as when nobody says), or recent: who called or was called last comes first.
    order: Option<Order>,
}

/// Which part of a line of time.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct TimelineQuery {
    /// The `next` of the page before.
    after: Option<String>,
}

/// Which comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = LeadOrder)]
pub(super) enum Order {
    /// By number.
    #[default]
    Number,
    /// By their last call, the newest first.
    Recent,
}

/// Whether somebody is to be written to.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum DoNotContact {
    /// Never.
    On,
    /// They may be, whatever they said.
    Off,
    /// What they said counts.
    Auto,
}

/// What is to be set; a field that is absent stays, null gives way to what was derived.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct EditLead {
    /// Their name.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    name: Option<Option<PersonName>>,
    /// Their e-mail address.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    email: Option<Option<Email>>,
    /// new, contacted, engaged, qualified, won, lost.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    stage: Option<Option<String>>,
    /// on, off, auto.
    do_not_contact: Option<DoNotContact>,
    /// All of their tags.
    tags: Option<Vec<String>>,
}

/// Leads, by number unless one says otherwise.
#[utoipa::path(get, path = "/api/v1/leads", tag = "leads", params(LeadQuery),
               responses((status = 200, body = List<LeadItem>)))]
pub(super) async fn list(
    entry: ReqData<Entry>,
    console: Data<Console>,
    query: Query<LeadQuery>,
) -> Result<Json<List<LeadItem>>, Problem> {
    let query = query.into_inner();
    let scope = page::tenant(&entry, &console, query.tenant.as_deref()).await?;
    let (limit, after) = (page::limit(query.limit)?, page::cursor(query.after.as_deref())?);
    let number = page::number(scope.scope(), query.number)?;
    let search = page::search(scope.scope(), query.search.as_deref())?;
    let recent_first = query.order == Some(Order::Recent);
    let LeadQuery { stage, tag, opted_out, .. } = query;
    let filter = LeadFilter { stage, tag, opted_out, number, search, recent_first };
    let mut transaction = console.begin().await?;
    let leads = people::list_leads(&mut transaction, &scope, &filter, after, limit).await?;
    console.log_reveal(&mut transaction, scope.scope(), Revealed::List("leads"), leads.items.len()).await?;
    transaction.commit().await?;
    Ok(Json(leads.into()))
}

/// One lead, with what happened; that it was looked at is logged.
#[utoipa::path(get, path = "/api/v1/leads/{id}", tag = "leads", params(("id" = Uuid, Path)),
               responses((status = 200, body = LeadDetail), (status = 304)))]
pub(super) async fn show(
    request: HttpRequest,
    entry: ReqData<Entry>,
    console: Data<Console>,
    id: Path<Uuid>,
) -> Result<HttpResponse, Problem> {
    let mut transaction = console.begin().await?;
    let lead = people::find_lead(&mut transaction, &entry.scope, *id).await?.ok_or_else(Problem::not_found)?;
    console.log_reveal(&mut transaction, &entry.scope, Revealed::Lead(*id), 1).await?;
    transaction.commit().await?;
    Ok(tagged(&request, &lead))
}

/// Everything that happened between somebody and the team, the newest first; that it was looked at is logged. Jobs stand
/// on the page of their call or message, and are not counted.
#[utoipa::path(get, path = "/api/v1/leads/{id}/timeline", tag = "leads", params(("id" = Uuid, Path), TimelineQuery),
               responses((status = 200, body = List<Moment>), (status = 304)))]
pub(super) async fn timeline(
    request: HttpRequest,
    entry: ReqData<Entry>,
    console: Data<Console>,
    id: Path<Uuid>,
    query: Query<TimelineQuery>,
) -> Result<HttpResponse, Problem> {
    let after = page::cursor(query.after.as_deref())?;
    let mut transaction = console.begin().await?;
    let found = people::timeline(&mut transaction, &entry.scope, *id, after).await?.ok_or_else(Problem::not_found)?;
    console.log_reveal(&mut transaction, &entry.scope, Revealed::Lead(*id), 1).await?;
    transaction.commit().await?;
    Ok(tagged(&request, &List::from(found)))
}

/// Set what people own of a lead.
#[utoipa::path(patch, path = "/api/v1/leads/{id}", tag = "leads", params(("id" = Uuid, Path)), request_body = EditLead,
               responses((status = 200, body = Changed)))]
pub(super) async fn edit(
    entry: ReqData<Entry>,
    console: Data<Console>,
    id: Path<Uuid>,
    body: Json<EditLead>,
) -> Result<Json<Changed>, Problem> {
    let edit = checked(body.into_inner())?;
    let found = people::edit_lead(console.pool(), &entry.scope, *id, &edit).await?;
    if found { Ok(Json(Changed { id: *id })) } else { Err(Problem::not_found()) }
}

fn checked(body: EditLead) -> Result<LeadEdit, Problem> {
    let stage = match body.stage {
        None => None,
        Some(None) => Some(None),
        Some(Some(word)) => Some(Some(
            LeadStage::ALL
                .iter()
                .copied()
                .find(|stage| stage.as_str() == word)
                .ok_or_else(|| Problem::unfit("stage must be new, contacted, engaged, qualified, won or lost"))?,
        )),
    };
    let edit = LeadEdit {
        name: body.name,
        email: body.email,
        stage,
        do_not_contact: body.do_not_contact.map(|choice| match choice {
            DoNotContact::On => Some(true),
            DoNotContact::Off => Some(false),
            DoNotContact::Auto => None,
        }),
        tags: body.tags,
    };
    if edit == LeadEdit::default() {
        return Err(Problem::unfit("name name, email, stage, do_not_contact or tags"));
    }
    edit.check().map_err(Problem::unfit)?;
    Ok(edit)
}
