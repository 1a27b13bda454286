//! Samples: what the platforms send, for `trigger`, `demo` and the tests.

/// A body as the platform sends it.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// The name of its file under tests/fixtures, without the ending.
    pub name: &'static str,
    /// The body.
    pub body: &'static str,
}

impl Sample {
    /// Whether the platform itself published it; the others are derived from its documentation.
    pub fn is_published(&self) -> bool {
        !self.name.starts_with("derived_")
    }
}

/// A request to be sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outgoing {
    /// The body.
    pub body: String,
    /// What it is.
    pub content_type: &'static str,
    /// Further headers.
    pub headers: Vec<(String, String)>,
}

/// Lists samples by file: `samples!("retell": "call_started", …)`.
macro_rules! samples {
    ($folder:literal: $($file:literal),+ $(,)?) => {
        &[$($crate::providers::Sample {
            name: $file,
            body: include_str!(concat!("../../../tests/fixtures/", $folder, "/", $file)),
        }),+]
    };
}
pub(crate) use samples;
