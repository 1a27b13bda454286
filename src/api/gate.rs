//! The gate of the API: who asks, may they, not too often, not by another site's doing, and each write once.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{ACCEPT, ALLOW, CONTENT_SECURITY_POLICY, LOCATION};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpMessage, HttpResponse, ResponseError};

use super::once;
use super::problem::Problem;
use super::routes::ROUTES;
use crate::access::Right;
use crate::console::{self, Console, Entry, Route};

/// Lets a request in by the right that its route needs, and protects the answer.
pub(super) async fn gate(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let mut response = match enter(&mut request).await {
        Ok(Way::Through) => next.call(request).await?.map_into_boxed_body(),
        Ok(Way::To(route, entry, console)) => {
            let reads = route.is_some_and(|route| route.reads);
            once::call(&console, &entry, reads, request, next).await?
        }
        Ok(Way::Refused(problem, allow)) => {
            let mut response = problem.error_response();
            if let Ok(value) = allow.parse() {
                response.headers_mut().insert(ALLOW, value);
            }
            request.into_response(response)
        }
        // The viewer is a page: whoever opens it is taken to where one signs in, and back.
        Err(problem) if problem.status_code() == StatusCode::UNAUTHORIZED && is_viewer(&request) => {
            let place = (LOCATION, "/sign-in?next=%2Fapi%2Fv1%2Fdocs");
            request.into_response(HttpResponse::SeeOther().insert_header(place).finish())
        }
        Err(problem) => request.into_response(problem.error_response()),
    };
    // A page has brought a policy of its own.
    if !response.headers().contains_key(CONTENT_SECURITY_POLICY) {
        console::protect(response.headers_mut());
    }
    Ok(response)
}

fn is_viewer(request: &ServiceRequest) -> bool {
    let accepted = request.headers().get(ACCEPT).and_then(|value| value.to_str().ok());
    request.path() == "/api/v1/docs" && accepted.is_some_and(|types| types.contains("text/html"))
}

enum Way {
    /// For who has nothing yet.
    Through,
    /// For who was let in.
    To(Option<&'static Route>, Entry, Data<Console>),
    Refused(Problem, String),
}

async fn enter(request: &mut ServiceRequest) -> Result<Way, Problem> {
    let pattern = request.match_pattern().unwrap_or_default();
    let of_path = || ROUTES.iter().filter(|route| route.path == pattern);
    let method = if *request.method() == Method::HEAD { Method::GET } else { request.method().clone() };
    let route = of_path().find(|route| route.method == method);
    if route.is_some_and(|route| route.right.is_none()) {
        return Ok(Way::Through);
    }
    let console = request.app_data::<Data<Console>>().cloned();
    let console = console.ok_or(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the console is not there"))?;
    // Also who asks for what is not there must be somebody.
    let right = route.and_then(|route| route.right).unwrap_or(Right::Look);
    let entry = console.enter(request.request(), right, None).await?;
    request.extensions_mut().insert(entry.clone());
    if route.is_none() && of_path().next().is_some() {
        let allow: Vec<&str> = of_path().map(|route| route.method.as_str()).collect();
        let problem = Problem::new(StatusCode::METHOD_NOT_ALLOWED, "this path has other methods: see Allow");
        return Ok(Way::Refused(problem, allow.join(", ")));
    }
    Ok(Way::To(route, entry, console))
}
