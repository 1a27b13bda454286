//! Requests that were not verified and kept: when the secret of their source has been mended, they are verified once more, as
//! of the time at which they came, and stored.

use std::collections::{BTreeMap, HashMap};

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use serde::Serialize;
use sqlx::{Connection as _, PgPool};
use utoipa::ToSchema;
use uuid::Uuid;

use super::AdminError;
use crate::access::Scope;
use crate::crypto::{DigestKey, Keys};
use crate::db;
use crate::inbox::{self, Accepted, Audio, NewEvent};
use crate::providers::{
    self, Asked, Carried, Credentials, Delivery, Document, Evidence, PlatformClass, Refusal, Verdict, VerifiedBy,
    verify,
};
use crate::store::connections::{self, Connection};
use crate::store::kept_requests::{self, Kept, Request, Which};
use crate::store::operator_log::{Action, Line};
use crate::store::source_tokens;

/// Requests that are looked at in one transaction: each may have a megabyte.
const PAGE_ROWS: i64 = 16;

/// What became of kept requests, or would.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Reverified {
    /// Whether they were only counted.
    pub dry_run: bool,
    /// Requests that were looked at.
    pub requests: u64,
    /// Those that verify now: stored, or there before.
    pub verified: u64,
    /// Those of them that had come in another way meanwhile.
    pub duplicates: u64,
    /// Those that stay out, and why.
    pub refused: BTreeMap<String, u64>,
}

/// The event of a kept request that verifies.
struct Verified {
    kept_id: Uuid,
    event: NewEvent,
    audio: Option<Audio>,
}

/// What a kept request is held to be now.
enum Held {
    /// It would be stored.
    Verified(Box<Verified>),
    /// It stays out.
    Refused(String),
}

/// Verifies kept requests once more, and stores those that verify; with `dry_run` only counts them. One request that the
/// database cannot hold stays where it is.
pub async fn reverify(
    pool: &PgPool,
    keys: &Keys,
    scope: &Scope,
    which: &Which,
    dry_run: bool,
) -> Result<Reverified, AdminError> {
    let ids = keys.load(pool).await?;
    let sources = sources(pool, keys).await?;
    let mut report = Reverified { dry_run, ..Reverified::default() };
    let (mut after, operation_id) = (None, Uuid::now_v7());
    loop {
        let page = kept_requests::next(pool, scope, which, after, PAGE_ROWS).await?;
        let Some(last) = page.last() else { break };
        after = Some((last.at, last.id));
        let mut verified = Vec::new();
        for kept in page {
            report.requests += 1;
            match held(keys, ids, &sources, &kept) {
                Held::Verified(found) => verified.push(*found),
                Held::Refused(why) => *report.refused.entry(why).or_default() += 1,
            }
        }
        if dry_run {
            report.verified += verified.len() as u64;
        } else if !verified.is_empty() {
            store(pool, scope, &mut report, operation_id, verified).await?;
        }
    }
    // One that was named is there, or it is not theirs.
    if which.id.is_some() && report.requests == 0 { Err(AdminError::NotFound) } else { Ok(report) }
}

/// Why a kept request would be refused now; `None`: it would be stored.
pub async fn why_refused(pool: &PgPool, keys: &Keys, scope: &Scope, id: Uuid) -> Result<Option<String>, AdminError> {
    let ids = keys.load(pool).await?;
    let which = Which { id: Some(id), ..Which::default() };
    let kept = kept_requests::next(pool, scope, &which, None, 1).await?.pop().ok_or(AdminError::NotFound)?;
    Ok(match held(keys, ids, &sources(pool, keys).await?, &kept) {
        Held::Verified(_) => None,
        Held::Refused(why) => Some(why),
    })
}

async fn sources(pool: &PgPool, keys: &Keys) -> Result<HashMap<Uuid, Connection>, sqlx::Error> {
    Ok(connections::all(pool, keys).await?.into_iter().map(|source| (source.id, source)).collect())
}

/// Stores what verifies, and takes it from where it was kept, in one transaction.
async fn store(
    pool: &PgPool,
    scope: &Scope,
    report: &mut Reverified,
    operation_id: Uuid,
    verified: Vec<Verified>,
) -> Result<(), sqlx::Error> {
    let mut transaction = pool.begin().await?;
    let mut stored = 0;
    for Verified { kept_id, event, audio } in verified {
        let mut step = transaction.begin().await?;
        // Two people may do this at once: the row says who of them does it.
        if kept_requests::remove(&mut *step, &[kept_id]).await? == 0 {
            step.rollback().await?;
            continue;
        }
        match inbox::accept_recovered(&mut step, &event, audio.as_ref()).await {
            Ok(accepted) => {
                step.commit().await?;
                stored += 1;
                report.duplicates += u64::from(matches!(accepted, Accepted::Duplicate(_)));
            }
            Err(error) if db::is_data_error(&error) => {
                step.rollback().await?;
                *report.refused.entry("the database cannot hold this document".to_owned()).or_default() += 1;
            }
            Err(error) => return Err(error),
        }
    }
    if stored > 0 {
        Line::of(scope, Action::Reverify).rows(stored).write_step(&mut transaction, operation_id).await?;
    }
    transaction.commit().await?;
    report.verified += stored;
    Ok(())
}

/// Holds a kept request against its source as it is now, at the time at which it came. Its address was looked at then.
fn held(keys: &Keys, ids: &DigestKey, sources: &HashMap<Uuid, Connection>, kept: &Kept) -> Held {
    let refused = |why: &str| Held::Refused(why.to_owned());
    let Some(source) = sources.get(&kept.source_id) else { return refused("its source is disabled") };
    let Some(provider) = providers::find(&source.provider) else { return refused("no such platform") };
    let Some(request) = Request::open(keys, kept.request.expose()) else {
        return refused("it cannot be opened: the master key that it was sealed under is not there");
    };
    let headers = header_map(&request);
    let delivery = Delivery { query: request.query.expose(), headers: &headers, body: &request.body };
    let credentials = credentials(source);
    let digest = |text: &str| Some(source_tokens::digest(ids, text));
    let path_token = request.path_token.as_ref().map(|token| token.expose());
    let evidence = Evidence::of(provider, &delivery, path_token, &credentials, digest, kept.at);
    let carried = Carried { address: true, ..evidence.carried(true) };
    match verify(PlatformClass::of(provider), credentials.has(), carried, Asked::Webhook) {
        // A source that has come to take unsigned webhooks says nothing of those that were refused before.
        Verdict::Accepted(VerifiedBy::Unsigned) | Verdict::NotServed => {
            return refused("not verified: the source takes unsigned webhooks, which verifies nobody");
        }
        Verdict::Accepted(_) => {}
        Verdict::Unverified(lacks) | Verdict::Forbidden(lacks) => {
            return Held::Refused(evidence.refusal(lacks).inward());
        }
    }
    let is_lookup = request.method == "GET" && provider.lookup(delivery.query).is_some();
    match document(provider, &delivery) {
        Ok(document) if is_lookup || provider.question(&document.payload).is_some() => {
            refused("a live request: the caller whom it was about has hung up")
        }
        Err(refusal) => Held::Refused(refusal.inward()),
        Ok(document) => {
            let (event, audio) = document.into_event(provider, source.id, source.tenant_id, ids);
            Held::Verified(Box::new(Verified { kept_id: kept.id, event, audio }))
        }
    }
}

fn document(provider: &'static dyn providers::Provider, delivery: &Delivery<'_>) -> Result<Document, Refusal> {
    match provider.accepts(delivery.media_type().as_deref()) {
        true => Document::read(provider, delivery),
        false => Err(Refusal::Unreadable("this media type is not read".to_owned())),
    }
}

fn header_map(request: &Request) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in &request.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name.as_str()), HeaderValue::try_from(value.expose())) {
            headers.append(name, value);
        }
    }
    headers
}

fn credentials(source: &Connection) -> Credentials {
    Credentials {
        secrets: source.secrets.iter().map(|(_, secret)| secret.clone()).collect(),
        header: source.header.clone(),
        url_is_secret: source.url_is_secret,
        tokens: source.tokens.clone(),
        allow_unsigned: source.allow_unsigned,
    }
}
