//! The samples of all platforms, as their programs carry them.

use serde_json::Value;
use switchhook::providers::{self, Delivery, Document, Provider};

/// One sample of one platform.
#[derive(Clone, Copy)]
pub struct Fixture {
    pub provider: &'static dyn Provider,
    pub name: &'static str,
    pub body: &'static str,
}

impl Fixture {
    /// What the door would make of it.
    pub fn document(&self) -> Document {
        let sent = self.provider.sign(self.body, None, chrono::DateTime::UNIX_EPOCH);
        let mut headers = actix_web::http::header::HeaderMap::new();
        headers.insert(actix_web::http::header::CONTENT_TYPE, sent.content_type.parse().unwrap());
        let delivery = Delivery { query: "", headers: &headers, body: sent.body.as_bytes() };
        Document::read(self.provider, &delivery).unwrap()
    }

    pub fn json(&self) -> Value {
        self.document().payload
    }
}

/// All samples, in the order of the platforms.
pub fn fixtures() -> Vec<Fixture> {
    let all = providers::ALL.iter().flat_map(|provider| {
        provider.samples().iter().map(|sample| Fixture { provider: *provider, name: sample.name, body: sample.body })
    });
    all.collect()
}
