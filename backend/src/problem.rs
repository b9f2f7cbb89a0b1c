//! Errors as `application/problem+json`; inner details go to the log, never to the client.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use zhixing_protocol::wire::{Problem, ProblemKind};

use crate::keys::KeyFileError;
use crate::store::StoreError;

/// A request that failed.
#[derive(Debug)]
pub struct Failure(pub Box<Problem>);

/// Result of a handler.
pub type Answer<T> = Result<T, Failure>;

impl Failure {
    /// A problem of `kind` with what happened and what to do next.
    pub fn new(kind: ProblemKind, title: &str) -> Self {
        let status = match kind {
            ProblemKind::InvalidInput => 400,
            ProblemKind::Unauthenticated => 401,
            ProblemKind::Forbidden | ProblemKind::Revoked | ProblemKind::TicketRefused => 403,
            ProblemKind::NotFound => 404,
            ProblemKind::Conflict | ProblemKind::ChainGap => 409,
            ProblemKind::TooLarge => 413,
            ProblemKind::ChecksumMismatch => 460,
            ProblemKind::Busy => 503,
            ProblemKind::StorageFull => 507,
            ProblemKind::Internal | ProblemKind::Other => 500,
        };
        Self(Box::new(Problem {
            kind,
            status,
            title: title.to_owned(),
            expected_seq: None,
            retry_after_ms: None,
        }))
    }

    /// The request is malformed.
    pub fn invalid(title: &str) -> Self {
        Self::new(ProblemKind::InvalidInput, title)
    }

    /// No such thing, or none for the one who asks.
    pub fn not_found() -> Self {
        Self::new(
            ProblemKind::NotFound,
            "There is no such thing here, or none for you.",
        )
    }

    /// A fault of the server; `error` goes to the log.
    pub fn internal(error: impl std::fmt::Display) -> Self {
        tracing::error!(%error, "request failed");
        Self::new(
            ProblemKind::Internal,
            "The server has a fault. Nothing was changed; try again later.",
        )
    }

    /// The same with another HTTP status.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.0.status = status;
        self
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::internal(error)
    }
}

impl From<KeyFileError> for Failure {
    fn from(error: KeyFileError) -> Self {
        Self::internal(error)
    }
}

impl From<crate::court::StartError> for Failure {
    fn from(error: crate::court::StartError) -> Self {
        Self::internal(error)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::StorageFull {
            return Self::new(
                ProblemKind::StorageFull,
                "The court's disk is full. Keep your copy and try again later.",
            );
        }
        Self::internal(error)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let status =
            StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self.0).unwrap_or_default();
        let mut response = (status, body).into_response();
        let kind = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        if let Some(wait) = self.0.retry_after_ms {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(wait.div_ceil(1000)));
        }
        response
    }
}
