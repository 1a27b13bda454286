//! Bytes on a socket, from a chosen address of this machine: what no client would send.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

/// How long an answer may take; nothing is measured by it.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// A socket, from a loopback address: each is a network of its own.
pub struct Raw(pub TcpStream);

impl Raw {
    pub async fn connect(base: &str, from: Ipv4Addr) -> std::io::Result<Self> {
        let to: SocketAddr = base.trim_start_matches("http://").parse().unwrap();
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::from((from, 0)))?;
        Ok(Self(socket.connect(to).await?))
    }

    pub async fn say(&mut self, text: impl AsRef<[u8]>) -> std::io::Result<()> {
        self.0.write_all(text.as_ref()).await
    }

    /// The head of an answer and what came with it; empty: the other side hung up.
    pub async fn hear(&mut self) -> String {
        let mut heard = Vec::new();
        let answer = async {
            let mut part = [0; 4096];
            while !heard.windows(4).any(|four| four == b"\r\n\r\n") {
                match self.0.read(&mut part).await {
                    Ok(0) | Err(_) => break,
                    Ok(read) => heard.extend_from_slice(&part[..read]),
                }
            }
        };
        tokio::time::timeout(ANSWER_TIMEOUT, answer).await.expect("neither an answer nor an end");
        String::from_utf8_lossy(&heard).into_owned()
    }

    /// The status of an answer; 0: there was none.
    pub async fn status(&mut self) -> u16 {
        self.hear().await.split(' ').nth(1).map_or(0, |status| status.parse().unwrap())
    }
}

/// The head of a POST of JSON, with these further lines.
pub fn post(path: &str, more: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n{more}\r\n")
}

/// The address of a network.
pub fn network(number: usize) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 1, u8::try_from(1 + number % 250).unwrap())
}
