//! The gate of the pages: who asks, may they, and did the form come from one of our pages.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::middleware::Next;
use actix_web::web::{Bytes, Data};
use actix_web::{Error, HttpMessage};

use super::fault::Fault;
use super::params::Params;
use super::routes::ROUTES;
use crate::console::{self, Console, Entry, Route};

/// Lets a request in by the right that its page needs, and protects the answer.
pub(super) async fn gate(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let mut response = match enter(&mut request).await {
        Ok(Way::Through) => next.call(request).await?.map_into_boxed_body(),
        Ok(Way::To(route, entry, console)) => {
            console::call(&console, &entry, route.reads, request, &next, is_vain).await?
        }
        // What is no page is answered as the door answers what it does not know, to who is no browser.
        Ok(Way::Nowhere) if !is_browser(&request) => {
            return next.call(request).await.map(ServiceResponse::map_into_boxed_body);
        }
        Ok(Way::Nowhere) => {
            let response = Fault::NotFound.to_page(request.request());
            request.into_response(response)
        }
        Err(fault) => {
            let response = fault.to_page(request.request());
            request.into_response(response)
        }
    };
    console::protect_page(response.headers_mut());
    Ok(response)
}

enum Way {
    /// There is no such page.
    Nowhere,
    /// For who has nothing yet.
    Through,
    /// For who was let in.
    To(&'static Route, Entry, Data<Console>),
}

async fn enter(request: &mut ServiceRequest) -> Result<Way, Fault> {
    let pattern = request.match_pattern().unwrap_or_default();
    let is_read = [Method::GET, Method::HEAD].contains(request.method());
    let method = if is_read { Method::GET } else { request.method().clone() };
    let Some(route) = ROUTES.iter().find(|route| route.path == pattern && route.method == method) else {
        return Ok(Way::Nowhere);
    };
    let Some(right) = route.right else { return Ok(Way::Through) };
    let console = request.app_data::<Data<Console>>().cloned().ok_or(Fault::NotFound)?;
    let csrf = if is_read { None } else { csrf(request).await? };
    let entry = console.enter(request.request(), right, csrf.as_deref()).await?;
    request.extensions_mut().insert(entry.clone());
    Ok(Way::To(route, entry, console))
}

/// Whether an answer says that the database has failed: another one may do better.
fn is_vain(error: &Error) -> bool {
    matches!(error.as_error::<Fault>(), Some(Fault::Busy | Fault::Away | Fault::Broken))
}

fn is_browser(request: &ServiceRequest) -> bool {
    let accepted = request.headers().get("accept").and_then(|value| value.to_str().ok());
    accepted.is_some_and(|types| types.contains("text/html"))
}

/// What the form says beside the cookie; the body is there again for who handles it.
async fn csrf(request: &mut ServiceRequest) -> Result<Option<String>, Fault> {
    let body = request.extract::<Bytes>().await.map_err(|_| Fault::unfit("the form is too long"))?;
    request.set_payload(Payload::from(body.clone()));
    Ok(Params::read(&body).get("csrf").map(str::to_owned))
}
