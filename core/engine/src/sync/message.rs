//! Requests and answers as data, so that any HTTP stack can carry them.

use std::future::Future;
use std::path::PathBuf;

use zhixing_protocol::time::UtcMillis;
use zhixing_protocol::wire::{Problem, ProblemKind};

/// What goes behind a request's head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// Nothing.
    Empty,
    /// Bytes in memory.
    Bytes(Vec<u8>),
    /// Part of a file, so that a native transfer service can send it.
    FileSlice {
        /// The file.
        path: PathBuf,
        /// First byte.
        offset: u64,
        /// Number of bytes.
        len: u64,
    },
}

/// One request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpRequest {
    /// `GET`, `POST`, `HEAD` or `PATCH`.
    pub method: &'static str,
    /// Path and query below the server's address, beginning with `/`.
    pub path: String,
    /// Headers, secrets among them: not for logs.
    pub headers: Vec<(String, String)>,
    /// Content.
    pub body: Body,
    /// Where the content of a successful answer goes, by [`super::part::begin`]; none: into memory.
    pub sink: Option<PathBuf>,
}

impl HttpRequest {
    /// A request with a JSON content.
    pub fn json<T: serde::Serialize>(path: &str, content: &T) -> crate::error::Result<Self> {
        Ok(Self {
            method: "POST",
            path: path.to_owned(),
            headers: vec![("content-type".to_owned(), "application/json".to_owned())],
            body: Body::Bytes(serde_json::to_vec(content)?),
            sink: None,
        })
    }

    /// The same with another header.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }
}

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HttpResponse {
    /// Status.
    pub status: u16,
    /// Headers, names in small letters.
    pub headers: Vec<(String, String)>,
    /// Content; empty if it went into a sink.
    pub body: Vec<u8>,
}

impl HttpResponse {
    /// The first header of a name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// Whether somebody between us and the court answered, such as a hotel's login page.
    pub fn is_captive(&self) -> bool {
        let html = self
            .header("content-type")
            .is_some_and(|kind| kind.to_ascii_lowercase().contains("text/html"));
        html || (300..400).contains(&self.status) || self.status == 511
    }

    /// The problem that the server names, or one made of the status.
    pub fn problem(&self) -> Problem {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| Problem {
            kind: match self.status {
                401 => ProblemKind::Unauthenticated,
                403 => ProblemKind::Forbidden,
                404 | 410 => ProblemKind::NotFound,
                409 => ProblemKind::Conflict,
                413 => ProblemKind::TooLarge,
                429 | 503 => ProblemKind::Busy,
                460 => ProblemKind::ChecksumMismatch,
                507 => ProblemKind::StorageFull,
                400..500 => ProblemKind::InvalidInput,
                _ => ProblemKind::Internal,
            },
            status: self.status,
            title: String::new(),
            expected_seq: None,
            retry_after_ms: None,
        })
    }

    /// How long the server asks to wait: the problem's milliseconds or `Retry-After` in seconds.
    pub fn retry_after_ms(&self) -> Option<i64> {
        let named = self.problem().retry_after_ms;
        let header = || {
            let seconds: u64 = self.header("retry-after")?.trim().parse().ok()?;
            seconds.checked_mul(1000)
        };
        i64::try_from(named.or_else(header)?).ok()
    }
}

/// Why no answer came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransportKind {
    /// No connection.
    Unreachable,
    /// The certificate is not the court's: somebody may sit in between.
    Tls,
    /// Too slow.
    Timeout,
    /// The answer was larger than memory allows.
    AnswerTooLarge,
    /// A file of this device could not be read or written.
    File,
}

/// A request without an answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind:?}")]
pub struct TransportError {
    /// Why.
    pub kind: TransportKind,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Send this and bring the answer.
    Request(HttpRequest),
    /// Nothing before this moment, unless something new is captured.
    WaitUntil(UtcMillis),
    /// Nothing to do.
    Idle,
}

/// Carries requests. The runner on reqwest is one; URLSession and WorkManager may be others.
pub trait Transport {
    /// Sends a request to `base` and waits for the answer.
    fn send(
        &self,
        base: &str,
        request: HttpRequest,
    ) -> impl Future<Output = Result<HttpResponse, TransportError>> + Send;
}
