//! What hostile sockets do: slow heads, slow bodies, chunks without end, announced lengths, wrong signatures, guessed
//! sources. The suite and the benchmark share it.

use std::time::Duration;

use super::raw::{Raw, network, post};

/// How many there are, and of how many networks.
pub const HOSTILE: usize = 1_000;
const NETWORKS: usize = 8;
/// One of them, until the other side ends it, and a moment more; with a pause between two pieces that it sends.
pub async fn attack(base: &str, number: usize, pause: Duration) {
    once(base, number, pause).await.ok();
    tokio::time::sleep(pause * 5).await;
}

/// What one socket does, until the other side ends it.
async fn once(base: &str, number: usize, pause: Duration) -> std::io::Result<()> {
    let mut raw = Raw::connect(base, network(number % NETWORKS)).await?;
    match number / NETWORKS % 6 {
        0 => {
            for byte in post("/webhooks/retell/default", "").bytes() {
                raw.say([byte]).await?;
                tokio::time::sleep(pause).await;
            }
        }
        1 => {
            raw.say(post("/webhooks/retell/default", "content-length: 10000\r\n")).await?;
            for _ in 0..10_000 {
                raw.say(" ").await?;
                tokio::time::sleep(pause).await;
            }
        }
        2 => {
            raw.say(post("/webhooks/elevenlabs/default", "transfer-encoding: chunked\r\n")).await?;
            let piece = format!("8000\r\n{}\r\n", "x".repeat(0x8000));
            for _ in 0..10_000 {
                raw.say(&piece).await?;
                tokio::time::sleep(pause / 4).await;
            }
        }
        3 => {
            let path = ["/webhooks/elevenlabs/default", "/webhooks/retell/default/function"][number % 2];
            raw.say(post(path, "content-length: 2000000\r\n") + "{").await?;
            raw.hear().await;
        }
        4 => {
            let body = "x".repeat(2_000);
            let lines = "x-retell-signature: v=1,d=00\r\ncontent-length: 2000\r\n";
            while !raw.hear_after(&(post("/webhooks/retell/default", lines) + &body)).await?.is_empty() {
                tokio::time::sleep(pause).await;
            }
        }
        _ => {
            let path = format!("/webhooks/voicenter/guess-{number}");
            while !raw.hear_after(&post(&path, "content-length: 0\r\n")).await?.is_empty() {
                tokio::time::sleep(pause).await;
            }
        }
    }
    Ok(())
}

impl Raw {
    async fn hear_after(&mut self, text: &str) -> std::io::Result<String> {
        self.say(text).await?;
        Ok(self.hear().await)
    }
}
