//! A line to Postgres under a URL of its own.

use std::ops::Deref;

use switchhook::embedded_postgres::Line;

/// The line. Dropped, it takes no new connections.
pub struct PostgresLine {
    pub url: String,
    line: Line,
}

impl PostgresLine {
    /// A line to the Postgres of this URL.
    pub async fn to(url: &str) -> Self {
        let mut own: reqwest::Url = url.parse().unwrap();
        let line = Line::to(own.host_str().unwrap(), own.port().unwrap()).await.unwrap();
        own.set_host(Some("127.0.0.1")).unwrap();
        own.set_port(Some(line.port())).unwrap();
        Self { url: own.to_string(), line }
    }
}

impl Deref for PostgresLine {
    type Target = Line;

    fn deref(&self) -> &Line {
        &self.line
    }
}
