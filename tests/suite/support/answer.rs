//! What the program answered.

use uuid::Uuid;

/// An answer of the door.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub outcome: Option<String>,
    pub event_id: Option<Uuid>,
    pub headers: reqwest::header::HeaderMap,
    pub text: String,
}

impl Answer {
    #[track_caller]
    pub fn assert_status(&self, status: u16) -> &Self {
        assert_eq!(self.status, status, "{}", self.text);
        self
    }

    #[track_caller]
    pub fn assert_outcome(&self, outcome: &str) -> &Self {
        assert_eq!((self.status, self.outcome.as_deref()), (200, Some(outcome)), "{}", self.text);
        self
    }
}
