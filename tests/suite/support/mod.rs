//! What the tests stand on: one throw-away Postgres for all, a database a test, and the real door on a real port.

mod answer;
pub mod app;
mod binary;
mod cluster;
pub mod digests;
mod fixtures;
mod flaky;
pub mod hostile;
pub mod identity_provider;
pub mod invariants;
pub mod keys;
pub mod leaks;
mod live;
pub mod pgbouncer;
mod platforms;
pub mod postgres_line;
pub mod raw;
pub mod reads;
pub mod roles;
pub mod stand;
pub mod story;
mod tables;
#[expect(dead_code, unused_imports, reason = "each test uses what it needs of the stand-ins")]
pub mod vendors;

pub use answer::Answer;
pub use app::{TENANT, TestApp, live_token, url_token};
pub use binary::Binary;
pub use cluster::{database, database_url, drop_database, url_of};
pub use fixtures::{Fixture, fixtures};
pub use flaky::FlakyLine;
pub use identity_provider::IdentityProvider;
pub use platforms::PlatformStub;

/// A client, over the cryptography that the program uses.
pub fn client() -> reqwest::Client {
    client_builder().build().unwrap()
}

pub fn client_builder() -> reqwest::ClientBuilder {
    rustls::crypto::ring::default_provider().install_default().ok();
    reqwest::Client::builder()
}

/// Lets a test pick without knowing what: the same seed, the same picks.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below `n`.
    pub fn below(&mut self, n: usize) -> usize {
        // xorshift64*
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        usize::try_from(self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33).unwrap() % n.max(1)
    }

    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for place in (1..items.len()).rev() {
            items.swap(place, self.below(place + 1));
        }
    }
}
