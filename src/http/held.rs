//! A delivery, held against its source; and long ones, which are worked on beside the threads that read requests.

use std::net::IpAddr;
use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::http::Method;
use actix_web::http::header::HeaderMap;
use actix_web::web::{Bytes, block};

use super::answer::Refused;
use super::budgets::Account;
use super::connections::{Known, Located, Target};
use super::server::Door;
use super::webhooks::refused;
use crate::providers::{
    Asked, Carried, Delivery, Evidence, Lacks, PlatformClass, Provider, Refusal, Verdict, VerifiedBy, verify,
};

/// A longer body is verified and read on a thread of its own: a recording of megabytes takes as long as a caller on the line
/// would wait.
const INLINE_BYTES_MAX: usize = 256 * 1024;

/// A long delivery, for another thread.
pub(super) struct Long {
    query: String,
    headers: HeaderMap,
    body: Bytes,
    pub(super) method: Method,
    /// The memory that it takes: counted until the work is done, also where its client has hung up.
    _account: Arc<Account>,
}

impl Long {
    /// `None`: it is short.
    pub(super) fn of(request: &HttpRequest, body: &Bytes, account: &Arc<Account>) -> Option<Arc<Self>> {
        (body.len() > INLINE_BYTES_MAX).then(|| {
            Arc::new(Self {
                query: request.query_string().to_owned(),
                headers: request.headers().clone(),
                body: body.clone(),
                method: request.method().clone(),
                _account: Arc::clone(account),
            })
        })
    }

    pub(super) fn delivery(&self) -> Delivery<'_> {
        Delivery { query: &self.query, headers: &self.headers, body: &self.body }
    }
}

/// Does this on a thread where nobody waits behind it.
pub(super) async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Refused> {
    block(work).await.map_err(|error| {
        tracing::error!(%error, "a long request could not be worked on");
        Refused::unavailable("this request could not be worked on just now")
    })
}

/// A delivery, held against its source.
pub(super) struct Held<'a> {
    door: &'a Door,
    provider: &'static dyn Provider,
    target: Target<'a>,
    delivery: Delivery<'a>,
    long: Option<&'a Arc<Long>>,
    address: Option<IpAddr>,
    pub(super) located: Located,
    evidence: Evidence,
}

impl<'a> Held<'a> {
    pub(super) async fn new(
        door: &'a Door,
        provider: &'static dyn Provider,
        target: Target<'a>,
        delivery: Delivery<'a>,
        long: Option<&'a Arc<Long>>,
        located: Located,
        address: Option<IpAddr>,
    ) -> Result<Self, Refused> {
        let mut held = Self { door, provider, target, delivery, long, address, located, evidence: Evidence::default() };
        held.look().await?;
        Ok(held)
    }

    async fn look(&mut self) -> Result<(), Refused> {
        let Located { known, path_token } = self.located.clone();
        let connections = Arc::clone(&self.door.connections);
        let (provider, now) = (self.provider, self.door.clock.now());
        let evidence = move |delivery: &Delivery<'_>| {
            let digest = |text: &str| connections.digest(text);
            Evidence::of(provider, delivery, path_token.as_deref(), &known.credentials, digest, now)
        };
        self.evidence = match self.long {
            None => evidence(&self.delivery),
            Some(long) => {
                let long = Arc::clone(long);
                aside(move || evidence(&long.delivery())).await?
            }
        };
        Ok(())
    }

    /// Asks the table whether one of these may be done. A secret may be newer than our copy: before 401 it is looked at
    /// again; where it cannot be, the answer is 503.
    pub(super) async fn verify(&mut self, asked: &[Asked], names_tool: bool) -> Result<VerifiedBy, Refused> {
        let mut result = self.ask(asked, names_tool);
        if result.is_err()
            && !self.door.is_over(self.address)
            && let Some(newer) = self.door.connections.find_newer(self.target, &self.located.known).await?
        {
            self.located = newer;
            self.look().await?;
            result = self.ask(asked, names_tool);
        }
        result.map_err(refused)
    }

    fn ask(&self, asked: &[Asked], names_tool: bool) -> Result<VerifiedBy, Refusal> {
        let known = &self.located.known;
        let carried = Carried { address: known.admits(self.address), ..self.evidence.carried(names_tool) };
        let mut first = None;
        for asked in asked {
            match verify(PlatformClass::of(self.provider), known.has(), carried, *asked) {
                Verdict::Accepted(by) => return Ok(by),
                Verdict::Unverified(lacks) | Verdict::Forbidden(lacks) => {
                    first.get_or_insert_with(|| self.evidence.refusal(lacks));
                }
                Verdict::NotServed => {}
            }
        }
        Err(first.unwrap_or(Refusal::NotVerified(Lacks::AnySecret)))
    }

    /// The source; what verified the request is remembered.
    pub(super) fn finish(self, by: VerifiedBy) -> Arc<Known> {
        if let Some(used) = self.evidence.used(by) {
            self.door.connections.used(&self.located.known, used);
        }
        self.located.known
    }
}
