//! A way to a Postgres on which bad days can be had: its connections go silent, are cut, or are not taken any more, while
//! the server itself knows nothing of it. For `torture` and the tests.

use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// How much is carried at once.
const CHUNK: usize = 64 * 1024;

/// The line. Dropped, it takes no new connections.
#[derive(Debug)]
pub struct Line {
    port: u16,
    made: Arc<AtomicU64>,
    state: watch::Sender<State>,
    accepting: tokio::task::JoinHandle<()>,
}

/// What becomes of connections; they are numbered as they come.
#[derive(Clone, Copy, Debug, Default)]
struct State {
    /// Those with a lower number are silent: they stay open, and nothing comes through any more.
    silent_below: u64,
    /// Those with a lower number end.
    cut_below: u64,
    /// New ones end at once.
    is_shut: bool,
}

impl Line {
    /// A line to this server, on a port of its own on loopback.
    pub async fn to(host: &str, port: u16) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let own = listener.local_addr()?.port();
        let (made, state) = (Arc::<AtomicU64>::default(), watch::Sender::new(State::default()));
        let accepting = tokio::spawn({
            let (made, state, upstream) = (Arc::clone(&made), state.clone(), (host.to_owned(), port));
            async move {
                loop {
                    let Ok((client, _)) = listener.accept().await else { continue };
                    let number = made.fetch_add(1, Ordering::SeqCst);
                    if !state.borrow().is_shut {
                        tokio::spawn(carry(client, upstream.clone(), number, state.subscribe()));
                    }
                }
            }
        });
        Ok(Self { port: own, made, state, accepting })
    }

    /// Where it is reached, on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Every connection that is open goes silent, for good; new ones are not.
    pub fn silence_open(&self) {
        let made = self.made.load(Ordering::SeqCst);
        self.state.send_modify(|state| state.silent_below = state.silent_below.max(made));
    }

    /// So does every new one, until [`Self::let_new_through`].
    pub fn silence_all(&self) {
        self.state.send_modify(|state| state.silent_below = u64::MAX);
    }

    /// What is made from now on comes through. What was silent stays silent.
    pub fn let_new_through(&self) {
        let made = self.made.load(Ordering::SeqCst);
        self.state.send_modify(|state| {
            state.silent_below = state.silent_below.min(made);
            state.is_shut = false;
        });
    }

    /// Every connection that is open ends.
    pub fn cut(&self) {
        let made = self.made.load(Ordering::SeqCst);
        self.state.send_modify(|state| state.cut_below = made);
    }

    /// And new ones end as soon as they are made, until [`Self::let_new_through`]: as if nobody were there.
    pub fn shut(&self) {
        self.state.send_modify(|state| state.is_shut = true);
        self.cut();
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn carry(client: TcpStream, upstream: (String, u16), number: u64, mut state: watch::Receiver<State>) {
    let Ok(server) = TcpStream::connect(upstream).await else { return };
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::select! {
        () = pump(from_client, to_server, number, state.clone()) => {}
        () = pump(from_server, to_client, number, state.clone()) => {}
        () = becomes(&mut state, |state| number < state.cut_below) => {}
    }
}

/// Carries bytes one way, and stops for ever when the connection goes silent: also an end is not passed on.
async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, number: u64, mut state: watch::Receiver<State>) {
    let mut buffer = vec![0; CHUNK];
    loop {
        let read = tokio::select! {
            biased;
            () = becomes(&mut state, |state| number < state.silent_below) => std::future::pending().await,
            read = from.read(&mut buffer) => read,
        };
        match read {
            Ok(0) | Err(_) => return,
            Ok(count) if to.write_all(&buffer[..count]).await.is_err() => return,
            Ok(_) => {}
        }
    }
}

/// Returns when this is so. Where the line is gone, it never will be.
async fn becomes(state: &mut watch::Receiver<State>, is_so: impl FnMut(&State) -> bool) {
    if state.wait_for(is_so).await.is_err() {
        std::future::pending::<()>().await;
    }
}
