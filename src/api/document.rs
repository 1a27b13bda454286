//! The OpenAPI document, made from the handlers. The list of routes and this one are compared by a test.

use actix_web::http::Method;
use actix_web::web::Json;
use utoipa::openapi::extensions::Extensions;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::Type;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{
    Content, HeaderBuilder, ObjectBuilder, Ref, RefOr, Required, ResponseBuilder, SecurityRequirement,
};
use utoipa::{Modify, OpenApi};

use super::once::KEY_BYTES_MAX;
use super::problem::Problem;
use super::routes::ROUTES;
use super::{
    account, agents, analytics, attributions, audit, bulk, call_edits, calls, campaigns, charges, connections,
    dead_jobs, docs, events, jobs, leads, messages, notes, numbers, overview, pulse, recordings, rejections, rules,
    second_factor, session, stats, tenants, tokens, users,
};
use crate::access::Right;

/// What every route may answer beside what it says itself.
const ALWAYS: [(&str, &str); 10] = [
    ("400", "A parameter or the body is malformed"),
    ("401", "No token or session that is good"),
    ("403", "The role does not have the right, or a session did not name its secret"),
    ("404", "There is no such thing, or it is not yours"),
    ("409", "A request with this Idempotency-Key is being done"),
    ("413", "The body is too long"),
    ("422", "The body says what cannot be, or the Idempotency-Key stands for another request"),
    ("429", "Too many requests: see Retry-After"),
    ("500", "A mistake of Switchhook's"),
    ("503", "The database is away, or it took too long"),
];

#[derive(OpenApi)]
#[openapi(
    info(title = "Switchhook", description = "Calls, leads and events. Lists are pages: give `next` back as `after`."),
    components(schemas(Problem)),
    modifiers(&Always),
    paths(
        session::sign_in, session::show, session::sign_out, account::sessions, account::end_others,
        account::end_session, account::password, second_factor::begin, second_factor::confirm, second_factor::turn_off,
        second_factor::recovery_codes, second_factor::require, second_factor::reset, show, docs::page, docs::file, calls::list, attributions::count,
        call_edits::attribute, attributions::attribute, attributions::undo, calls::show,
        call_edits::edit, calls::events, notes::edits, notes::list, notes::create, recordings::show, rules::numbers,
        rules::create, leads::list, leads::show, leads::edit, leads::timeline, messages::list, analytics::list,
        campaigns::list, campaigns::create, overview::campaigns, campaigns::show, campaigns::remove, overview::campaign,
        stats::calls, overview::calls, stats::incidents, charges::balance, charges::list,
        events::list, bulk::replay, bulk::skip, bulk::redrive, bulk::discard, events::show, events::payload,
        events::dead, dead_jobs::list, dead_jobs::retry, rejections::list, rejections::reasons,
        rejections::kept, rejections::show_kept, rejections::reverify,
        jobs::list, jobs::retry, jobs::cancel, jobs::show, jobs::payload, jobs::pause, jobs::resume, stats::operations, pulse::show,
        connections::list, connections::create, connections::secrets, connections::rotate, connections::url,
        connections::disable, connections::enable, connections::test, numbers::list, numbers::create, numbers::edit, numbers::remove,
        agents::list, agents::create, agents::edit, agents::remove, tenants::list, tenants::create, tenants::show,
        audit::list, tokens::list, tokens::create, tokens::revoke, users::list, users::create, users::remove, users::password,
        users::end_sessions,
    )
)]
struct Document;

/// The document.
pub fn document() -> utoipa::openapi::OpenApi {
    Document::openapi()
}

/// This document.
#[utoipa::path(get, path = "/api/v1/openapi.json", tag = "session", responses((status = 200, description = "OpenAPI 3.1")))]
pub(super) async fn show() -> Json<utoipa::openapi::OpenApi> {
    Json(document())
}

/// Adds what all have: the ways to prove who one is, and the problems.
struct Always;

impl Modify for Always {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        let bearer = SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build());
        components.add_security_scheme("token", bearer);
        let cookie = SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new("switchhook")));
        components.add_security_scheme("session", cookie);
        for (path, item) in &mut document.paths.paths {
            let operations = [
                (Method::GET, &mut item.get),
                (Method::POST, &mut item.post),
                (Method::PATCH, &mut item.patch),
                (Method::DELETE, &mut item.delete),
            ];
            for (method, operation) in operations {
                let Some(operation) = operation else { continue };
                let route = ROUTES.iter().find(|route| route.path == path && route.method == method);
                complete(operation, route.and_then(|route| route.right), method == Method::GET);
                if route.is_some_and(|route| route.reads) {
                    say_read_lag(operation);
                }
                // Handlers of different rooms have the same names; the document wants each once.
                let name = operation.operation_id.take().unwrap_or_default();
                let room = path.trim_start_matches("/api/v1/").replace(['/', '-', '.'], "_").replace(['{', '}'], "");
                operation.operation_id = Some(format!("{name}_{room}"));
            }
        }
    }
}

fn idempotency_key() -> Parameter {
    let schema = ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(KEY_BYTES_MAX));
    ParameterBuilder::new()
        .name("Idempotency-Key")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some("With the same key, the same request is done once within a day"))
        .schema(Some(schema))
        .build()
}

/// What a route says that a standby may answer.
fn say_read_lag(operation: &mut Operation) {
    for (status, response) in &mut operation.responses.responses {
        if let RefOr::T(response) = response
            && status.starts_with('2')
        {
            let schema = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0));
            let description = "Read from a standby that is so many seconds behind; missing: from the primary";
            let header = HeaderBuilder::new().schema(Some(schema)).description(Some(description)).build();
            response.headers.insert("Switchhook-Read-Lag".to_owned(), RefOr::T(header));
        }
    }
}

fn complete(operation: &mut Operation, right: Option<Right>, is_read: bool) {
    if let Some(right) = right {
        if !is_read {
            operation.parameters.get_or_insert_default().push(RefOr::T(idempotency_key()));
        }
        let proofs = ["token", "session"].map(|name| SecurityRequirement::new(name, Vec::<String>::new()));
        operation.security = Some(proofs.into());
        // What a script must know before it asks for a token.
        let needs = serde_json::json!({ "right": right, "role": right.needs() });
        let needs = Extensions::builder().add("x-needs", needs).build();
        operation.extensions.get_or_insert_default().merge(needs);
    }
    for response in operation.responses.responses.values_mut() {
        if let RefOr::T(response) = response
            && response.description.is_empty()
        {
            response.description = "As asked".to_owned();
        }
    }
    for (status, description) in ALWAYS {
        let problem = Content::new(Some(Ref::from_schema_name("Problem")));
        let response =
            ResponseBuilder::new().description(description).content("application/problem+json", problem).build();
        operation.responses.responses.entry(status.to_owned()).or_insert_with(|| response.into());
    }
}
