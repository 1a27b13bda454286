//! A bad line before a vendor's stand-in: it hangs, cuts, garbles, answers 500, or lets things pass, by chance; or it
//! holds every answer until it is told to let go.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::Dice;

/// How long a hanging answer takes: longer than the program waits in any of these tests.
const HANG: Duration = Duration::from_secs(4);

/// The line. It is cut when this is dropped.
pub struct FlakyLine {
    /// What to configure in place of the vendor's own address.
    pub base_url: String,
    state: Arc<State>,
    server: tokio::task::JoinHandle<()>,
}

struct State {
    upstream: String,
    dice: Mutex<Dice>,
    /// Whether a 500 may hide that the vendor has done what it was asked.
    does_and_says_500: bool,
    /// Of a hundred requests so many get no good answer.
    faults_in_100: AtomicU32,
    faults: AtomicU32,
    held: watch::Sender<bool>,
}

/// What becomes of a request.
enum Fate {
    Fine,
    Slow,
    /// Never answered.
    Hang,
    /// Cut without a word.
    Drop,
    /// Cut in the middle of the answer.
    Half,
    /// Answered with something else.
    Other(&'static str, &'static str),
}

impl FlakyLine {
    /// A line to this vendor (`http://host:port/path`), without faults so far.
    pub async fn to(base_url: &str, seed: u64, does_and_says_500: bool) -> Self {
        let (host, path) = base_url.strip_prefix("http://").unwrap().split_once('/').unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let here = format!("http://{}/{path}", listener.local_addr().unwrap());
        let state = Arc::new(State {
            upstream: host.to_owned(),
            dice: Mutex::new(Dice::new(seed)),
            does_and_says_500,
            faults_in_100: AtomicU32::new(0),
            faults: AtomicU32::new(0),
            held: watch::Sender::new(false),
        });
        let shared = Arc::clone(&state);
        let server = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let state = Arc::clone(&shared);
                // A client that was killed is no trouble of the line's.
                tokio::spawn(async move { serve(socket, &state).await.ok() });
            }
        });
        Self { base_url: here, state, server }
    }

    /// From now on so many of a hundred requests go wrong.
    pub fn fail(&self, in_100: u32) {
        self.state.faults_in_100.store(in_100, Ordering::SeqCst);
    }

    /// How many went wrong.
    pub fn faults(&self) -> u32 {
        self.state.faults.load(Ordering::SeqCst)
    }

    /// The vendor does what it is asked, and its answers wait, until `hold(false)`.
    pub fn hold(&self, is_held: bool) {
        self.state.held.send_replace(is_held);
    }
}

impl Drop for FlakyLine {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn serve(mut socket: TcpStream, state: &State) -> std::io::Result<()> {
    let request = read(&mut socket).await?;
    let (fate, is_passed_on, latency) = state.roll();
    tokio::time::sleep(latency).await;
    let answer = if is_passed_on { pass_on(&state.upstream, &request).await? } else { Vec::new() };
    state.held.subscribe().wait_for(|is_held| !is_held).await.ok();
    match fate {
        Fate::Fine => socket.write_all(&answer).await?,
        Fate::Slow => {
            tokio::time::sleep(Duration::from_millis(150)).await;
            socket.write_all(&answer).await?;
        }
        Fate::Hang => tokio::time::sleep(HANG).await,
        Fate::Drop => {}
        Fate::Half => socket.write_all(&answer[..answer.len() - answer.len() / 4]).await?,
        Fate::Other(status, body) => {
            let length = body.len();
            let head = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
            socket.write_all(format!("{head}{body}").as_bytes()).await?;
        }
    }
    socket.shutdown().await
}

impl State {
    /// The fate of a request, whether the vendor gets it, and how long it is on its way.
    fn roll(&self) -> (Fate, bool, Duration) {
        let mut dice = self.dice.lock().unwrap();
        let latency = Duration::from_millis(2 + dice.below(40) as u64);
        let is_fault = dice.below(100) < self.faults_in_100.load(Ordering::SeqCst) as usize;
        let is_passed_on = dice.below(2) == 0;
        if !is_fault {
            return (if dice.below(12) == 0 { Fate::Slow } else { Fate::Fine }, true, latency);
        }
        self.faults.fetch_add(1, Ordering::SeqCst);
        let garbage = ["<html>busy</html>", "{\"messages\": [{", "", "null"];
        match dice.below(6) {
            0 => (Fate::Hang, is_passed_on, latency),
            1 => (Fate::Drop, is_passed_on, latency),
            2 => (Fate::Half, true, latency),
            3 => (Fate::Other("500 Internal Server Error", "oops"), is_passed_on && self.does_and_says_500, latency),
            4 => (Fate::Other("502 Bad Gateway", ""), is_passed_on && self.does_and_says_500, latency),
            _ => (Fate::Other("200 OK", garbage[dice.below(garbage.len())]), is_passed_on, latency),
        }
    }
}

/// One request, whole.
async fn read(socket: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut request = Vec::new();
    loop {
        if socket.read_buf(&mut request).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let Some(end) = request.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&request[..end]).to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
        if request.len() >= end + 4 + length.map_or(0, |length| length.trim().parse().unwrap()) {
            return Ok(request);
        }
    }
}

/// The vendor's answer, whole, on a connection of its own.
async fn pass_on(upstream: &str, request: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut vendor = TcpStream::connect(upstream).await?;
    let head_end = request.windows(2).position(|two| two == b"\r\n").unwrap_or(0) + 2;
    vendor.write_all(&request[..head_end]).await?;
    vendor.write_all(b"connection: close\r\n").await?;
    vendor.write_all(&request[head_end..]).await?;
    let mut answer = Vec::new();
    vendor.read_to_end(&mut answer).await?;
    Ok(answer)
}
