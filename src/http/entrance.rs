//! What stands before the server: it lets sockets in, closes those that must go, and keeps each from reading far ahead of
//! who takes its bytes. (The server reads 128 kB ahead of each request, also while nobody takes them.)

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_http::body::{BoxBody, MessageBody};
use actix_http::{HttpService, KeepAlive, Protocol, Request};
use actix_service::{IntoServiceFactory, ServiceFactoryExt, map_config};
use actix_web::Error;
use actix_web::dev::{AppConfig, Server, Service, ServiceFactory};
use actix_web::rt::net::TcpStream;
use futures_util::future::LocalBoxFuture;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Settings;
use super::phase::Phase;
use super::sockets::{Socket, Sockets};

/// Bytes of a socket that were read and that nobody has taken, at most; so the head of a request is no longer either.
const AHEAD_BYTES_MAX: usize = 16 * 1024;
/// How long a socket may take to close.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
/// The answer to a socket for which there is no room: written at once or not at all.
const NO_ROOM: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

/// Serves an app on a socket that is already open.
pub(super) fn serve<F, I, S, B>(
    listener: TcpListener,
    settings: &Settings,
    threads: usize,
    sockets: Arc<Sockets>,
    app: F,
) -> io::Result<Server>
where
    F: Fn() -> I + Clone + Send + 'static,
    I: IntoServiceFactory<S, Request>,
    S: ServiceFactory<Request, Config = AppConfig> + 'static,
    S::Error: Into<Error> + 'static,
    S::InitError: std::fmt::Debug,
    S::Response: Into<actix_http::Response<B>> + 'static,
    S::Service: 'static,
    <S::Service as Service<Request>>::Future: 'static,
    B: MessageBody + 'static,
{
    let bind = listener.local_addr()?;
    let (keep_alive, header_timeout) = (settings.keep_alive, settings.header_timeout);
    tokio::spawn(Sockets::sweep(Arc::downgrade(&sockets)));
    let builder = Server::build().shutdown_timeout(settings.shutdown_timeout.as_secs()).disable_signals();
    let builder = if threads == 0 { builder } else { builder.workers(threads) };
    let stopping = builder.graceful_shutdown_signal();
    let builder = builder.listen("switchhook", listener, move || {
        let stopping = stopping.clone();
        let app = app().into_factory().map_err(|error| -> actix_http::Response<BoxBody> {
            let error: Error = error.into();
            error.error_response().into()
        });
        let http = HttpService::build()
            .graceful_shutdown_signal(move || {
                let stopping = stopping.clone();
                async move { stopping.notified().await }
            })
            .keep_alive(KeepAlive::Timeout(keep_alive))
            .client_request_timeout(header_timeout)
            .client_disconnect_timeout(CLOSE_TIMEOUT)
            .local_addr(bind)
            .on_connect_ext(|stream: &Watched, extensions| {
                extensions.insert(Arc::clone(&stream.socket));
            })
            .finish(map_config(app, |()| AppConfig::default()));
        Entrance { http, sockets: Arc::clone(&sockets) }
    })?;
    Ok(builder.run())
}

/// Lets sockets in to a server.
struct Entrance<H> {
    http: H,
    sockets: Arc<Sockets>,
}

type Served = (Watched, Protocol, Option<SocketAddr>);

impl<H> ServiceFactory<TcpStream> for Entrance<H>
where
    H: ServiceFactory<Served, Config = (), Response = ()>,
    H::Service: 'static,
    H::Future: 'static,
    H::Error: 'static,
    <H::Service as Service<Served>>::Future: 'static,
{
    type Response = ();
    type Error = H::Error;
    type Config = ();
    type Service = Entrance<H::Service>;
    type InitError = H::InitError;
    type Future = LocalBoxFuture<'static, Result<Self::Service, Self::InitError>>;

    fn new_service(&self, (): ()) -> Self::Future {
        let (http, sockets) = (self.http.new_service(()), Arc::clone(&self.sockets));
        Box::pin(async move { Ok(Entrance { http: http.await?, sockets }) })
    }
}

impl<H> Service<TcpStream> for Entrance<H>
where
    H: Service<Served, Response = ()>,
    H::Future: 'static,
    H::Error: 'static,
{
    type Response = ();
    type Error = H::Error;
    type Future = LocalBoxFuture<'static, Result<(), H::Error>>;

    fn poll_ready(&self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.http.poll_ready(context)
    }

    fn call(&self, stream: TcpStream) -> Self::Future {
        // Without an address it is gone already.
        let Ok(peer) = stream.peer_addr() else { return Box::pin(async { Ok(()) }) };
        let Some(ticket) = self.sockets.admit(peer.ip()) else {
            stream.try_write(NO_ROOM).ok();
            return Box::pin(async { Ok(()) });
        };
        let watched = Watched { stream, socket: Arc::clone(&ticket.socket), is_full: false };
        let served = self.http.call((watched, Protocol::Http1, Some(peer)));
        Box::pin(async move {
            tokio::select! {
                result = served => result,
                () = ticket.socket.closing() => Ok(()),
            }
        })
    }
}

/// A stream that tells its socket what it does, and reads no further ahead than it may.
pub(super) struct Watched {
    stream: TcpStream,
    socket: Arc<Socket>,
    /// Whether the server was told before that there is no more, with a head that is not whole.
    is_full: bool,
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let phase = self.socket.phase();
        let reads_on = phase == Phase::Draining;
        if !reads_on && self.socket.ahead_bytes.load(Ordering::Relaxed) >= AHEAD_BYTES_MAX {
            if phase <= Phase::Head {
                // The server has looked at as much as there may be of a head, and looks for more.
                if self.is_full {
                    return Poll::Ready(Err(io::Error::other("the head of a request is too long")));
                }
                self.is_full = true;
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            self.socket.reader.register(context.waker());
            // What was taken between the look and the registration woke nobody.
            if self.socket.ahead_bytes.load(Ordering::Relaxed) >= AHEAD_BYTES_MAX {
                return Poll::Pending;
            }
        }
        let before = buffer.filled().len();
        let result = Pin::new(&mut self.stream).poll_read(context, buffer);
        let bytes = buffer.filled().len() - before;
        if bytes > 0 && !reads_on {
            self.is_full = false;
            self.socket.ahead_bytes.fetch_add(bytes, Ordering::Relaxed);
            if phase == Phase::Waiting {
                self.socket.enter(Phase::Head);
            }
        }
        result
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.socket.writes(result.is_ready());
        result
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
