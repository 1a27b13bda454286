//! Around every request: its socket is told what it is doing, and the bytes of its body are counted as somebody takes
//! them.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use actix_web::body::MessageBody;
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::error::PayloadError;
use actix_web::middleware::Next;
use actix_web::web::{Bytes, Data};
use actix_web::{Error, HttpMessage, HttpRequest};
use futures_util::Stream;

use super::budgets::{Account, Budgets, Class};
use super::networks::Standing;
use super::sockets::{Phase, Socket};
use crate::console::Entry;

/// Tells the socket of a request what it is doing.
pub(super) async fn watch(
    mut request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    // A test without a server has no socket.
    let Some(socket) = request.conn_data::<Arc<Socket>>().cloned() else { return next.call(request).await };
    match request.take_payload() {
        Payload::None => {
            socket.ahead_bytes.store(0, Ordering::Relaxed);
            socket.enter(Phase::Working);
        }
        payload => {
            socket.enter(Phase::Body);
            let account = account(&request, &socket);
            let counted = Counted { payload, socket: Arc::clone(&socket), account, bytes: 0, is_whole: false };
            request.set_payload(Payload::Stream { payload: Box::pin(counted) });
        }
    }
    let result = next.call(request).await;
    if let Ok(response) = &result
        && response.request().extensions().contains::<Entry>()
    {
        socket.verified();
    }
    let is_whole = socket.phase() == Phase::Working;
    socket.enter(if is_whole { Phase::Waiting } else { Phase::Draining });
    result
}

/// An account for what pages and the API are sent. Bodies of webhooks are counted where their sources are known.
fn account(request: &ServiceRequest, socket: &Socket) -> Option<Account> {
    let budgets = request.app_data::<Data<Budgets>>().filter(|_| !request.path().starts_with("/webhooks/"))?;
    let standing = if socket.is_verified() { Standing::Known } else { Standing::Stranger };
    Some(budgets.open(Class::Page, socket.network(), standing))
}

/// The socket of a request has carried a verified one.
pub(super) fn verified(request: &HttpRequest) {
    if let Some(socket) = request.conn_data::<Arc<Socket>>() {
        socket.verified();
    }
}

/// A body whose bytes are counted off its socket.
struct Counted {
    payload: Payload,
    socket: Arc<Socket>,
    account: Option<Account>,
    bytes: usize,
    is_whole: bool,
}

impl Stream for Counted {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = Pin::new(&mut self.payload).poll_next(context);
        match &next {
            Poll::Ready(Some(Ok(bytes))) => {
                self.socket.taken(bytes.len());
                self.bytes += bytes.len();
                let held = self.bytes;
                if self.account.as_mut().is_some_and(|account| account.hold_now(held).is_err()) {
                    return Poll::Ready(Some(Err(PayloadError::Overflow)));
                }
            }
            // Everything that came is taken: what is left was the form that chunks are sent in.
            Poll::Pending => self.socket.taken(usize::MAX),
            Poll::Ready(None) => {
                self.is_whole = true;
                self.socket.taken(usize::MAX);
                self.socket.enter(Phase::Working);
            }
            Poll::Ready(Some(Err(_))) => {}
        }
        next
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        if !self.is_whole {
            // Nobody takes the rest.
            self.socket.enter(Phase::Draining);
            self.socket.reader.wake();
        }
    }
}
