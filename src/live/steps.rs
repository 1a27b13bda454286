//! Where the time of an answer goes.

use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

/// The steps of one answer, each with what it took.
#[derive(Debug)]
pub struct Steps {
    began: Instant,
    last: Duration,
    taken: Vec<(&'static str, Duration)>,
}

impl Steps {
    /// From when the request came in.
    pub fn since(began: Instant) -> Self {
        Self { began, last: Duration::ZERO, taken: Vec::new() }
    }

    /// A step is done.
    pub fn done(&mut self, step: &'static str) {
        let now = self.began.elapsed();
        self.taken.push((step, now.saturating_sub(self.last)));
        self.last = now;
    }

    /// Since the request came in.
    pub fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// Milliseconds by step, for the table of slow answers.
    pub fn as_json(&self) -> Value {
        let ms = |taken: &Duration| json!((taken.as_secs_f64() * 1000.0).round());
        Value::Object(self.taken.iter().map(|(step, taken)| ((*step).to_owned(), ms(taken))).collect::<Map<_, _>>())
    }
}
