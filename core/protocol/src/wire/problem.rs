//! Errors of the server as `application/problem+json` (RFC 9457) with a stable kind.

use serde::{Deserialize, Serialize};

/// What a client can act on. Unknown kinds are read as [`ProblemKind::Other`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProblemKind {
    /// The request is malformed; sending it again will not help.
    InvalidInput,
    /// No valid session or token: log in, or ask for a new challenge.
    Unauthenticated,
    /// Known, but not allowed.
    Forbidden,
    /// No such thing, or none for you.
    NotFound,
    /// The state has changed; read it anew.
    Conflict,
    /// Statements are missing before the first of the batch: send from `expected_seq`.
    ChainGap,
    /// The device or its key was revoked.
    Revoked,
    /// The ticket is used, expired or unknown.
    TicketRefused,
    /// Too large.
    TooLarge,
    /// The checksum of a request's bytes does not fit.
    ChecksumMismatch,
    /// Too much at once: wait `retry_after_ms`.
    Busy,
    /// The server has no room.
    StorageFull,
    /// A fault of the server; try later.
    Internal,
    /// A kind this version does not know.
    #[serde(other)]
    Other,
}

/// One problem.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Stable kind.
    pub kind: ProblemKind,
    /// HTTP status.
    pub status: u16,
    /// What happened and what to do next, without personal data.
    pub title: String,
    /// With `chain_gap`: the first number that is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_seq: Option<u64>,
    /// With `busy`: how long to wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}
