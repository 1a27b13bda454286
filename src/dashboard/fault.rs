//! What a page says when it cannot show what was asked for.

use std::borrow::Cow;
use std::fmt;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, Responder, ResponseError};
use askama::Template;

use super::assets;
use crate::console::Denied;
use crate::db;

/// Why there is no page.
#[derive(Debug)]
pub(super) enum Fault {
    /// Nobody is signed in: to the page where one does.
    Unknown,
    /// Their role may not.
    Forbidden,
    /// A form from elsewhere, or from before one signed in anew.
    Forged,
    /// It is not there, or not theirs.
    NotFound,
    /// There is no tenant yet: an installation that was not set up.
    NoTenant,
    /// What was filled in cannot be; this is why.
    Unfit(Cow<'static, str>),
    /// Too many requests; again after so many seconds.
    TooMany(u64),
    /// The statement was given up.
    TooSlow,
    /// No connection was free in time: others ask, or the database cannot be reached.
    Busy,
    /// The database is away.
    Away,
    /// A mistake of ours.
    Broken,
}

#[derive(Template)]
#[template(path = "fault.html", config = "src/dashboard/askama.toml")]
struct Page<'a> {
    title: &'a str,
    detail: &'a str,
    mark: &'a str,
    stylesheet: &'a str,
}

impl Fault {
    pub(super) fn unfit(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::Unfit(detail.into())
    }

    /// The page of it; who is not signed in is taken to where one signs in, and back.
    pub(super) fn to_page(&self, request: &HttpRequest) -> HttpResponse {
        if !matches!(self, Self::Unknown) {
            return self.error_response();
        }
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
        let next = super::params::Params::default().with("next", Some(path)).query();
        let next = if *request.method() == "GET" && path != "/" { next } else { String::new() };
        HttpResponse::SeeOther().insert_header(("Location", format!("/sign-in{next}"))).finish()
    }

    fn retry_after_seconds(&self) -> Option<u64> {
        match self {
            Self::TooMany(seconds) => Some(*seconds),
            Self::Busy => Some(1),
            _ => None,
        }
    }

    fn said(&self) -> (&'static str, Cow<'static, str>) {
        match self {
            Self::Unknown => ("Please sign in", "Your session is over.".into()),
            Self::Forbidden => {
                ("Not for your role", "Somebody with more rights can do this, or give you a role that may.".into())
            }
            Self::Forged => (
                "This form is out of date",
                "It was made before you signed in anew, or on another site. Go back, reload the page, and send it again."
                    .into(),
            ),
            Self::NotFound => ("There is nothing here", "It does not exist, was deleted, or is not yours to see.".into()),
            Self::NoTenant => (
                "There is nothing to show yet",
                "Add a tenant first: `switchhook tenant add`, or start with `switchhook serve --setup`, which adds one \
                 with a connection for every platform."
                    .into(),
            ),
            Self::Unfit(detail) => ("That cannot be", detail.clone()),
            Self::TooMany(seconds) => ("Too many requests", format!("Try again in {seconds} seconds.").into()),
            Self::TooSlow => (
                "That took too long",
                "The question was given up, so that it keeps nobody else waiting. Narrow it down: a shorter time, one \
                 number, or fewer filters."
                    .into(),
            ),
            Self::Busy => (
                "Busy just now",
                "No connection to the database was free for this page in time: others ask for much, or the database is \
                 away. Webhooks have connections of their own. Reload in a moment."
                    .into(),
            ),
            Self::Away => (
                "The database is away",
                "Webhooks are refused until it is back, and the platforms send them again. Reload in a moment.".into(),
            ),
            Self::Broken => (
                "This page is broken",
                "The mistake is ours, and the log says which. Webhooks are received and worked on as before.".into(),
            ),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.said().0)
    }
}

impl ResponseError for Fault {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Unknown => StatusCode::UNAUTHORIZED,
            Self::Forbidden | Self::Forged => StatusCode::FORBIDDEN,
            Self::NotFound | Self::NoTenant => StatusCode::NOT_FOUND,
            Self::Unfit(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::TooSlow | Self::Busy | Self::Away => StatusCode::SERVICE_UNAVAILABLE,
            Self::Broken => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn error_response(&self) -> HttpResponse {
        let (title, detail) = self.said();
        let page = Page { title, detail: &detail, mark: assets::mark(), stylesheet: assets::stylesheet() };
        let mut response = HttpResponse::build(self.status_code());
        if let Some(seconds) = self.retry_after_seconds() {
            response.insert_header(("Retry-After", seconds.to_string()));
        }
        response.content_type("text/html; charset=utf-8").body(page.render().unwrap_or_else(|_| title.to_owned()))
    }
}

impl Responder for Fault {
    type Body = actix_web::body::BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        self.error_response()
    }
}

impl From<sqlx::Error> for Fault {
    fn from(error: sqlx::Error) -> Self {
        if db::is_timeout(&error) {
            return Self::TooSlow;
        }
        if db::is_data_error(&error) {
            tracing::warn!(error = %db::describe(&error), "a form held a value that the database refuses");
            return Self::unfit("A value is of a form that cannot be kept or looked for.");
        }
        tracing::error!(error = %db::describe(&error), "a page could not use the database");
        match error {
            sqlx::Error::PoolTimedOut => Self::Busy,
            error if db::is_mistake(&error) => Self::Broken,
            _ => Self::Away,
        }
    }
}

impl From<Denied> for Fault {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::Unknown | Denied::CodeNeeded | Denied::WrongCode | Denied::SetUpNeeded => Self::Unknown,
            Denied::Forged => Self::Forged,
            Denied::Forbidden => Self::Forbidden,
            Denied::TooMany(seconds) => Self::TooMany(seconds),
            Denied::Away(error) => error.into(),
        }
    }
}

impl From<askama::Error> for Fault {
    fn from(error: askama::Error) -> Self {
        tracing::error!(%error, "a page could not be made");
        Self::Broken
    }
}
