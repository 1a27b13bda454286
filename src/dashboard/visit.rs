//! What every handler of a page begins with: who asks, and the fields of the form that they sent.

use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::web::{Bytes, Data, ReqData};
use actix_web::{Error, FromRequest, HttpRequest};
use sqlx::PgPool;

use super::fault::Fault;
use super::params::Params;
use super::shell::Shell;
use crate::access::Scope;
use crate::console::{Console, Entry};

/// A request of somebody who was let in.
#[derive(Debug)]
pub(super) struct Visit {
    pub(super) request: HttpRequest,
    pub(super) entry: ReqData<Entry>,
    pub(super) console: Data<Console>,
    /// What was sent; none of a page that is looked at.
    pub(super) form: Params,
}

impl FromRequest for Visit {
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Error>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (console, entry) = (Data::extract(request), ReqData::extract(request));
        let (body, request) = (Bytes::from_request(request, payload), request.clone());
        Box::pin(async move {
            let (console, entry) = (console.await?, entry.await?);
            Ok(Self { request, entry, console, form: Params::read(&body.await?) })
        })
    }
}

impl Visit {
    /// What the page has around it.
    pub(super) async fn shell(&self, place: &'static str, title: impl Into<String>) -> Result<Shell, Fault> {
        Shell::of(&self.request, &self.entry, &self.console, place, title).await
    }

    /// Who asks, of all tenants that are theirs.
    pub(super) fn scope(&self) -> &Scope {
        &self.entry.scope
    }

    /// The database.
    pub(super) fn pool(&self) -> &PgPool {
        self.console.pool()
    }
}
