//! A line to Postgres that goes silent: its connections stay open, and nothing comes through any more.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// The line. Dropped, it takes no new connections.
pub struct PostgresLine {
    pub url: String,
    made: Arc<AtomicU64>,
    /// Connections with a lower number are silent.
    silent_below: watch::Sender<u64>,
    accepting: tokio::task::JoinHandle<()>,
}

impl PostgresLine {
    /// A line to the Postgres of this URL, under a URL of its own.
    pub async fn to(url: &str) -> Self {
        let parsed: reqwest::Url = url.parse().unwrap();
        let upstream = format!("{}:{}", parsed.host_str().unwrap(), parsed.port().unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut own = parsed.clone();
        own.set_host(Some("127.0.0.1")).unwrap();
        own.set_port(Some(listener.local_addr().unwrap().port())).unwrap();
        let (silent_below, _) = watch::channel(0);
        let made = Arc::new(AtomicU64::new(0));
        let accepting = tokio::spawn({
            let (made, silent_below) = (Arc::clone(&made), silent_below.clone());
            async move {
                while let Ok((client, _)) = listener.accept().await {
                    let number = made.fetch_add(1, Ordering::SeqCst);
                    tokio::spawn(carry(client, upstream.clone(), number, silent_below.subscribe()));
                }
            }
        });
        Self { url: own.to_string(), made, silent_below, accepting }
    }

    /// Every connection that is open goes silent, for good; new ones are not.
    pub fn silence_open(&self) {
        let made = self.made.load(Ordering::SeqCst);
        self.silent_below.send_modify(|below| *below = (*below).max(made));
    }

    /// So does every new one, until [`Self::let_new_through`].
    pub fn silence_all(&self) {
        self.silent_below.send_replace(u64::MAX);
    }

    /// What is made from now on comes through. What was made before stays silent.
    pub fn let_new_through(&self) {
        self.silent_below.send_replace(self.made.load(Ordering::SeqCst));
    }
}

impl Drop for PostgresLine {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn carry(client: TcpStream, upstream: String, number: u64, silent_below: watch::Receiver<u64>) {
    let Ok(server) = TcpStream::connect(upstream).await else { return };
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::select! {
        () = pump(from_client, to_server, number, silent_below.clone()) => {}
        () = pump(from_server, to_client, number, silent_below) => {}
    }
}

/// Carries bytes one way, and stops for ever when the connection goes silent: also an end is not passed on.
async fn pump(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    number: u64,
    mut silent_below: watch::Receiver<u64>,
) {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = tokio::select! {
            biased;
            () = is_silent(&mut silent_below, number) => std::future::pending().await,
            read = from.read(&mut buffer) => read,
        };
        match read {
            Ok(0) | Err(_) => return,
            Ok(count) if to.write_all(&buffer[..count]).await.is_err() => return,
            Ok(_) => {}
        }
    }
}

async fn is_silent(silent_below: &mut watch::Receiver<u64>, number: u64) {
    // Where the line is gone, so is the test.
    if silent_below.wait_for(|below| number < *below).await.is_err() {
        std::future::pending::<()>().await;
    }
}
