//! Around every request: its socket is told what it is doing until the last byte of the answer is handed over, and the
//! bytes of its body are counted as somebody takes them.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::error::{InternalError, PayloadError};
use actix_web::middleware::Next;
use actix_web::web::{Bytes, Data};
use actix_web::{Error, HttpMessage, HttpRequest, HttpResponse};
use futures_util::Stream;

use super::answer::Refused;
use super::budgets::{Account, Budgets, Class};
use super::networks::Standing;
use super::phase::Phase;
use super::sockets::Socket;
use crate::console::Entry;
use crate::db::Link;

/// How long a page or the API may take: many times as long as its statements, and short enough to free their connections.
const ANSWER_MAX: Duration = Duration::from_secs(120);

/// Tells the socket of a request what it is doing.
pub(super) async fn watch(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<Answer>, Error> {
    // A test without a server has no socket.
    let Some(socket) = request.conn_data::<Arc<Socket>>().cloned() else {
        let response = next.call(request).await?;
        return Ok(response.map_body(|_, body| Answer { body: body.boxed(), _ends: None }));
    };
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
    let link = request.app_data::<Data<Link>>().filter(|_| !request.path().starts_with("/webhooks/")).cloned();
    let called = next.call(request);
    let result = match link {
        None => called.await,
        Some(link) => tokio::select! {
            result = called => result,
            () = nobody_answers(&link) => Err(silent()),
        },
    };
    let is_whole = socket.phase() == Phase::Working;
    let lacked_room = socket.lacked_room.swap(false, Ordering::Relaxed);
    let ends = Ends { socket };
    // Whatever the route made of it: there was no memory, and the same request may come again.
    let response = match result {
        Ok(response) if lacked_room => response.into_response(no_room()).map_body(|_, body| body.boxed()),
        result => result?.map_body(|_, body| body.boxed()),
    };
    if response.request().extensions().contains::<Entry>() {
        ends.socket.verified();
    }
    let ends = is_whole.then(|| {
        ends.socket.enter(Phase::Answering);
        ends
    });
    Ok(response.map_body(|_, body| Answer { body, _ends: ends }))
}

/// Returns when the database that a page or the API waits for will never answer. Webhooks mind that themselves.
async fn nobody_answers(link: &Link) {
    tokio::time::timeout(ANSWER_MAX, link.gone()).await.ok();
}

fn silent() -> Error {
    let response = Refused::unavailable("the database does not answer").response();
    InternalError::from_response("the database does not answer", response).into()
}

fn no_room() -> HttpResponse {
    Refused::overloaded("too much is in flight (http.in_flight_bytes_max)").response()
}

/// An answer. Its socket is at work until nothing is left of it: a long one is not cut off as if its client said nothing.
pub(super) struct Answer {
    body: BoxBody,
    _ends: Option<Ends>,
}

impl MessageBody for Answer {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.body).poll_next(context)
    }
}

/// The end of a request.
struct Ends {
    socket: Arc<Socket>,
}

impl Drop for Ends {
    fn drop(&mut self) {
        let is_answered = matches!(self.socket.phase(), Phase::Working | Phase::Answering);
        self.socket.enter(if is_answered { Phase::Waiting } else { Phase::Draining });
    }
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
                    self.socket.lacked_room.store(true, Ordering::Relaxed);
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

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use actix_web::middleware::from_fn;
    use actix_web::{App, web};
    use futures_util::StreamExt;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use crate::clock::Clock;
    use crate::config::Config;
    use crate::http::networks::Networks;
    use crate::http::sockets::Sockets;
    use crate::http::{Settings, entrance};

    /// Longer than an idle socket stays open, with what it is given beyond that.
    async fn slowly() -> HttpResponse {
        let pieces = futures_util::stream::iter(0..6).then(|_| async {
            tokio::time::sleep(Duration::from_millis(500)).await;
            Ok::<_, Error>(Bytes::from_static(b"piece\n"))
        });
        HttpResponse::Ok().streaming(pieces)
    }

    #[tokio::test]
    async fn a_long_answer_is_not_cut_off_like_an_idle_socket() {
        let config = Config::from_parts(None, &std::collections::BTreeMap::new()).unwrap();
        let settings = Settings { keep_alive: Duration::from_millis(100), ..config.http };
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let sockets = Sockets::new(&settings, 10, Arc::new(Networks::new(10)), Clock::system());
        let app = || App::new().wrap(from_fn(watch)).route("/", web::get().to(slowly));
        let server = entrance::serve(listener, &settings, 1, sockets, app).unwrap();
        let handle = server.handle();
        tokio::spawn(server);
        let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
        socket.write_all(b"GET / HTTP/1.1\r\nhost: here\r\n\r\n").await.unwrap();
        let mut answer = Vec::new();
        let read = tokio::time::timeout(Duration::from_secs(30), socket.read_to_end(&mut answer)).await;
        assert!(read.is_ok(), "afterwards it is idle, and closed");
        let answer = String::from_utf8(answer).unwrap();
        assert_eq!(answer.matches("piece").count(), 6, "{answer}");
        assert!(answer.ends_with("0\r\n\r\n"), "{answer}");
        handle.stop(false).await;
    }
}
