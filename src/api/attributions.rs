//! Giving all calls of a filter to a campaign, counted first and undone afterwards.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Json, Path, Query, ReqData};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::call_edits::check_campaign;
use super::page;
use super::problem::Problem;
use crate::access::TenantScope;
use crate::console::{Console, Entry};
use crate::store::people::{self, Attributed, CallFilter, Counted};

/// Which calls: the filters of the list.
#[derive(Debug, Deserialize, IntoParams, ToSchema)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct WhichCalls {
    /// The slug of the tenant; needed by who sees several.
    tenant: Option<String>,
    /// Started then or later.
    from: Option<DateTime<Utc>>,
    /// Started before.
    until: Option<DateTime<Utc>>,
    /// The platform.
    provider: Option<String>,
    /// inbound, outbound, internal.
    direction: Option<String>,
    /// scheduled, queued, initiated, ringing, in_progress, ended.
    status: Option<String>,
    /// no_answer, busy, canceled, failed, voicemail, answered.
    disposition: Option<String>,
    /// Answered by somebody, or by an agent.
    answered: Option<bool>,
    /// Inbound, ended, and answered by nobody.
    missed: Option<bool>,
    /// negative, neutral, positive, or none: nobody has said.
    sentiment: Option<String>,
    /// The person's number in E.164. Not for viewers.
    number: Option<String>,
    /// As in the list. Viewers: our id only.
    search: Option<String>,
    /// The platform's id or the name of the agent.
    agent: Option<String>,
    /// The id of the campaign.
    campaign: Option<Uuid>,
    /// Whether somebody called it a success.
    converted: Option<bool>,
    /// Ended in an unknown way, or somebody was unhappy and nobody has decided.
    needs_review: Option<bool>,
    /// Of no campaign.
    unattributed: Option<bool>,
}

/// Calls of a filter and their campaign.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AttributeMatching {
    /// Which calls.
    filter: WhichCalls,
    /// The campaign; null takes back what was decided by hand.
    campaign_id: Option<Uuid>,
    /// Count only.
    #[serde(default)]
    dry_run: bool,
    /// All calls of the tenant: instead of a filter.
    #[serde(default)]
    all: bool,
    /// The `at` of a count: calls that came since are passed over. When nobody says, those that come from now on are.
    counted_at: Option<DateTime<Utc>>,
}

/// What was done.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AttributedMatching {
    dry_run: bool,
    /// Calls that fitted before.
    matched: Counted,
    #[serde(flatten)]
    attributed: Attributed,
}

/// How many calls there are of a filter, as far as that is soon counted.
#[utoipa::path(get, path = "/api/v1/calls/count", tag = "calls", params(WhichCalls),
               responses((status = 200, body = Counted)))]
pub(super) async fn count(
    entry: ReqData<Entry>,
    console: Data<Console>,
    query: Query<WhichCalls>,
) -> Result<Json<Counted>, Problem> {
    let (scope, filter) = query.into_inner().read(&entry, &console).await?;
    let mut transaction = console.begin().await?;
    Ok(Json(people::count_calls(&mut transaction, &scope, &filter).await?))
}

/// Give all calls of a filter to a campaign, step by step.
#[utoipa::path(post, path = "/api/v1/calls/attribute-matching", tag = "calls", request_body = AttributeMatching,
               responses((status = 200, body = AttributedMatching)))]
pub(super) async fn attribute(
    entry: ReqData<Entry>,
    console: Data<Console>,
    body: Json<AttributeMatching>,
) -> Result<Json<AttributedMatching>, Problem> {
    let AttributeMatching { filter, campaign_id, dry_run, all, counted_at } = body.into_inner();
    let (scope, filter) = filter.read(&entry, &console).await?;
    if filter == CallFilter::default() && !all {
        return Err(Problem::unfit("which calls? Name a filter, or say all"));
    }
    check_campaign(&entry, &console, campaign_id).await?;
    let mut transaction = console.begin().await?;
    let matched = people::count_calls(&mut transaction, &scope, &filter).await?;
    transaction.rollback().await?;
    let attributed = match dry_run {
        true => Attributed::default(),
        false => {
            let counted_at = counted_at.unwrap_or(matched.at);
            people::attribute_matching(console.pool(), &scope, &filter, counted_at, campaign_id).await?
        }
    };
    Ok(Json(AttributedMatching { dry_run, matched, attributed }))
}

/// Put back what was before an attribution, where nobody has decided anew since.
#[utoipa::path(post, path = "/api/v1/attributions/{id}/undo", tag = "calls", params(("id" = Uuid, Path)),
               responses((status = 200, body = Attributed)))]
pub(super) async fn undo(
    entry: ReqData<Entry>,
    console: Data<Console>,
    id: Path<Uuid>,
) -> Result<Json<Attributed>, Problem> {
    let undone = people::undo_attribution(console.pool(), &entry.scope, *id).await?;
    let nothing = || Problem::new(StatusCode::NOT_FOUND, "there is no such attribution to undo, or it is not yours");
    undone.map(Json).ok_or_else(nothing)
}

impl WhichCalls {
    async fn read(self, entry: &Entry, console: &Console) -> Result<(TenantScope, CallFilter), Problem> {
        let scope = page::tenant(entry, console, self.tenant.as_deref()).await?;
        let filter = CallFilter {
            from: self.from,
            until: self.until,
            provider: self.provider,
            direction: self.direction,
            status: self.status,
            disposition: self.disposition,
            answered: self.answered,
            missed: self.missed,
            sentiment: self.sentiment,
            agent: self.agent,
            campaign_id: self.campaign,
            converted: self.converted,
            needs_review: self.needs_review,
            unattributed: self.unattributed,
            number: page::number(scope.scope(), self.number)?,
            search: page::search(scope.scope(), self.search.as_deref())?,
            oldest_first: false,
        };
        Ok((scope, filter))
    }
}
