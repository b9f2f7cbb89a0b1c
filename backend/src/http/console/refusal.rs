//! Problems of the console, which has kinds of its own beside those of devices.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde_json::json;

use crate::problem::Failure;
use crate::store::StoreError;

/// A console request that failed.
#[derive(Debug)]
pub struct Refusal {
    kind: String,
    status: u16,
    detail: String,
    retry_after_ms: Option<i64>,
}

/// Result of a console handler.
pub type Reply<T> = Result<T, Refusal>;

impl Refusal {
    fn new(kind: &str, status: u16, detail: &str) -> Self {
        Self {
            kind: kind.to_owned(),
            status,
            detail: detail.to_owned(),
            retry_after_ms: None,
        }
    }

    /// Nobody is logged in.
    pub fn unauthenticated() -> Self {
        Self::new("unauthenticated", 401, "Log in first.")
    }

    /// Whether it says that nobody is logged in.
    pub fn is_unauthenticated(&self) -> bool {
        self.kind == "unauthenticated"
    }

    /// Login or password are wrong; which of them is not said.
    pub fn login_refused() -> Self {
        Self::new(
            "login_refused",
            401,
            "Login, password or one-time password is wrong.",
        )
    }

    /// The password is right; the one-time password is missing.
    pub fn totp_required() -> Self {
        Self::new(
            "totp_required",
            401,
            "Send the one-time password of your device as well.",
        )
    }

    /// The session holds, but the password that was asked for again is wrong.
    pub fn password_refused() -> Self {
        Self::new(
            "password_refused",
            403,
            "The password or one-time password is wrong.",
        )
    }

    /// The session holds and the password is right; the one-time password is missing.
    pub fn totp_wanted() -> Self {
        Self::new(
            "totp_required",
            403,
            "Send the one-time password of your device as well.",
        )
    }

    /// Too many wrong attempts.
    pub fn locked_out(retry_after_ms: i64) -> Self {
        Self {
            retry_after_ms: Some(retry_after_ms),
            ..Self::new("locked_out", 429, "Too many wrong attempts. Wait.")
        }
    }

    /// Known, but not allowed.
    pub fn forbidden(detail: &str) -> Self {
        Self::new("forbidden", 403, detail)
    }
}

/// An address of the API that does not exist.
pub fn no_such_call() -> Response {
    Refusal::from(Failure::not_found()).into_response()
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        let kind = serde_json::to_value(failure.0.kind).unwrap_or_default();
        let kind = kind.as_str().unwrap_or("internal");
        Self::new(kind, failure.0.status, &failure.0.title)
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Failure::from(error).into()
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut body = json!({
            "type": "about:blank",
            "title": self.detail,
            "status": self.status,
            "kind": self.kind,
            "detail": self.detail,
        });
        if let (Some(wait), Some(members)) = (self.retry_after_ms, body.as_object_mut()) {
            members.insert("retry_after_ms".into(), wait.into());
        }
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, body.to_string()).into_response();
        response.headers_mut().insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        response
    }
}
