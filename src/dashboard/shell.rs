//! What every page has around it: who is signed in, whose rows are shown, the way to the other pages, the time there.

use actix_web::web::ReqData;
use actix_web::{HttpMessage, HttpResponse};
use askama::Template;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use sqlx::PgExecutor;

use super::assets;
use super::fault::Fault;
use super::params::Params;
use super::show;
use crate::access::{Right, Scope, TenantScope};
use crate::console::{Console, Entry, ReadFrom};
use crate::store::people::{self, TenantItem};

/// The pages that one goes to, with the right that each needs.
const PLACES: [(&str, &str, Right); 7] = [
    ("/overview", "Overview", Right::Look),
    ("/calls", "Calls", Right::Look),
    ("/unattributed", "Unattributed", Right::Look),
    ("/leads", "Leads", Right::Look),
    ("/campaigns", "Campaigns", Right::Look),
    ("/operations", "Operations", Right::Operate),
    ("/setup", "Setup", Right::Administer),
];

/// What a page has around it.
#[derive(Debug)]
pub(super) struct Shell {
    /// What stands in the browser's tab.
    pub(super) title: String,
    /// The path of the place that the page belongs to.
    pub(super) place: &'static str,
    /// Who asks, of all tenants that are theirs.
    pub(super) scope: Scope,
    /// The tenant whose rows are shown.
    pub(super) tenant: TenantItem,
    /// The others that could be; if there are many, the first of them.
    pub(super) tenants: Vec<TenantItem>,
    /// Whether there are more than these.
    pub(super) has_more_tenants: bool,
    /// The session's secret, for forms.
    pub(super) csrf: String,
    /// Now.
    pub(super) now: DateTime<Utc>,
    /// The tenant's time zone.
    pub(super) zone: Tz,
    /// What was asked for.
    pub(super) params: Params,
    /// The path of this page.
    pub(super) path: String,
    /// That it was read from a standby, as a sentence.
    pub(super) read_from: Option<String>,
    within: TenantScope,
}

impl Shell {
    /// Around a page of one tenant: that of the session, the one that the URL names, or the first.
    pub(super) async fn of(
        request: &actix_web::HttpRequest,
        entry: &ReqData<Entry>,
        console: &Console,
        place: &'static str,
        title: impl Into<String>,
    ) -> Result<Self, Fault> {
        let params = Params::of(request);
        let mut tenants = people::tenants(console.pool(), &entry.scope).await?;
        if tenants.is_empty() {
            return Err(Fault::NoTenant);
        }
        let has_more_tenants = tenants.len() > people::TENANTS_SHOWN_MAX;
        let tenant = match params.get("tenant").filter(|slug| tenants[0].slug != *slug) {
            Some(slug) => people::tenant(console.pool(), &entry.scope, slug).await?.ok_or(Fault::NotFound)?,
            None => tenants[0].clone(),
        };
        tenants.retain(|other| other.id != tenant.id);
        tenants.truncate(people::TENANTS_SHOWN_MAX);
        let within = entry.scope.within(tenant.id).ok_or(Fault::NotFound)?;
        // A zone that this program does not know (a newer one) is shown as UTC, and the page says which it is.
        let zone = tenant.time_zone.as_deref().and_then(|name| name.parse().ok());
        let zone = zone.or_else(|| console.time_zone().parse().ok()).unwrap_or(Tz::UTC);
        let csrf = entry.csrf.as_ref().map(|secret| secret.expose().to_owned()).unwrap_or_default();
        Ok(Self {
            title: title.into(),
            place,
            scope: entry.scope,
            tenant,
            tenants,
            has_more_tenants,
            csrf,
            now: console.now(),
            zone,
            params,
            path: request.path().to_owned(),
            read_from: request.extensions().get::<ReadFrom>().map(|ReadFrom(lag)| read_from(lag.as_secs())),
            within,
        })
    }

    /// Who asks, of the tenant that is shown.
    pub(super) fn within(&self) -> &TenantScope {
        &self.within
    }

    /// Shows another tenant's rows, that of what is looked at; it must be theirs.
    pub(super) async fn show_tenant(&mut self, executor: impl PgExecutor<'_>, slug: &str) -> Result<(), Fault> {
        if self.tenant.slug == slug {
            return Ok(());
        }
        let tenant = people::tenant(executor, &self.scope, slug).await?.ok_or(Fault::NotFound)?;
        let shown = std::mem::replace(&mut self.tenant, tenant);
        self.tenants.retain(|other| other.id != self.tenant.id);
        self.tenants.insert(0, shown);
        self.within = self.scope.within(self.tenant.id).ok_or(Fault::NotFound)?;
        Ok(())
    }

    /// Whether they have a right.
    pub(super) fn may(&self, right: Right) -> bool {
        self.scope.may(right)
    }

    pub(super) fn may_edit(&self) -> bool {
        self.may(Right::Edit)
    }

    pub(super) fn may_operate(&self) -> bool {
        self.may(Right::Operate)
    }

    pub(super) fn may_administer(&self) -> bool {
        self.may(Right::Administer)
    }

    /// The pages that they may go to: path, name, whether it is this one.
    pub(super) fn places(&self) -> impl Iterator<Item = (String, &'static str, bool)> {
        PLACES
            .iter()
            .filter(|(.., right)| self.may(*right))
            .map(|(path, name, _)| (self.to(path), *name, *path == self.place))
    }

    /// A path, of the same tenant.
    pub(super) fn to(&self, path: &str) -> String {
        if self.tenants.is_empty() {
            return path.to_owned();
        }
        let mark = if path.contains('?') { '&' } else { '?' };
        format!("{path}{mark}tenant={}", self.tenant.slug)
    }

    /// This page with another value of a parameter; an empty one: without it.
    pub(super) fn with(&self, name: &str, value: &str) -> String {
        let params = self.params.without(&["said"]);
        format!("{}{}", self.path, params.with(name, Some(value).filter(|value| !value.is_empty())).query())
    }

    /// This list, after this place in it.
    pub(super) fn after(&self, place: &str) -> String {
        format!("{}{}", self.path, self.params.without(&["said"]).with("after", Some(place)).query())
    }

    /// A moment, there: 21 Nov 2026, 14:05:09.
    pub(super) fn moment(&self, at: &DateTime<Utc>) -> String {
        show::moment(at, self.zone)
    }

    /// The time of day, there: 14:05.
    pub(super) fn clock(&self, at: &DateTime<Utc>) -> String {
        show::clock(at, self.zone)
    }

    /// The time of day, there: 14:05:09.
    pub(super) fn seconds(&self, at: &DateTime<Utc>) -> String {
        at.with_timezone(&self.zone).format("%H:%M:%S").to_string()
    }

    pub(super) fn stylesheet(&self) -> &'static str {
        assets::stylesheet()
    }

    pub(super) fn script(&self) -> &'static str {
        assets::script()
    }

    pub(super) fn mark(&self) -> &'static str {
        assets::mark()
    }
}

/// How old what a page shows is, where it was read from a standby.
fn read_from(lag_seconds: u64) -> String {
    match lag_seconds {
        0 => "Read from a standby, less than a second behind.".to_owned(),
        seconds => format!("Read from a standby, {seconds} s behind."),
    }
}

/// A page as an answer.
pub(super) fn page(template: &impl Template) -> Result<HttpResponse, Fault> {
    Ok(HttpResponse::Ok().content_type("text/html; charset=utf-8").body(template.render()?))
}

/// To another page, after something was done.
pub(super) fn see_other(path: &str) -> HttpResponse {
    HttpResponse::SeeOther().insert_header(("Location", path)).finish()
}
