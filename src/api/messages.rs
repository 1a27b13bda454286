//! `/messages`: what was written, on any channel.

use actix_web::web::{Data, Json, Query, ReqData};
use serde::Deserialize;
use utoipa::IntoParams;

use super::page::{self, List};
use super::problem::Problem;
use crate::console::{Console, Entry};
use crate::store::people::{self, MessageFilter, MessageItem, Revealed};

/// Which messages.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct MessageQuery {
    /// The slug of the tenant; needed by who sees several.
    tenant: Option<String>,
    /// The `next` of the page before.
    after: Option<String>,
    /// Rows of a page: 1 to 500, 50 when nobody says.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<i64>,
    /// sms, whatsapp.
    channel: Option<String>,
    /// inbound, outbound.
    direction: Option<String>,
    /// pending, sent, failed, delivered, read, played, received.
    status: Option<String>,
}

/// Messages, the newest first.
#[utoipa::path(get, path = "/api/v1/messages", tag = "leads", params(MessageQuery),
               responses((status = 200, body = List<MessageItem>)))]
pub(super) async fn list(
    entry: ReqData<Entry>,
    console: Data<Console>,
    query: Query<MessageQuery>,
) -> Result<Json<List<MessageItem>>, Problem> {
    let query = query.into_inner();
    let scope = page::tenant(&entry, &console, query.tenant.as_deref()).await?;
    let (limit, after) = (page::limit(query.limit)?, page::cursor(query.after.as_deref())?);
    let filter = MessageFilter { channel: query.channel, direction: query.direction, status: query.status };
    let mut transaction = console.begin().await?;
    let messages = people::list_messages(&mut transaction, &scope, &filter, after, limit).await?;
    console.log_reveal(&mut transaction, scope.scope(), Revealed::List("messages"), messages.items.len()).await?;
    transaction.commit().await?;
    Ok(Json(messages.into()))
}
