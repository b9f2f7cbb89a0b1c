//! Synchronising with the court: a step function without input or output, and a runner on reqwest that drives it.
//!
//! Retry times are data. Statements go first and are never set aside; a file that fails blocks no other (I9).

pub mod enrol;
mod http;
mod machine;
mod message;
mod norms;
pub mod part;
mod pull;
mod slices;
mod upload;

pub use http::HttpTransport;
pub use machine::{Download, Machine};
pub use message::{
    Body, HttpRequest, HttpResponse, Step, Transport, TransportError, TransportKind,
};

#[cfg(test)]
pub(crate) use pull::apply;
pub use slices::{LARGEST_SLICE, SMALLEST_SLICE};

/// Longest wait between two attempts: 15 minutes.
pub const MAX_BACKOFF_MS: i64 = 15 * 60 * 1000;
/// First wait after a failure.
pub const FIRST_BACKOFF_MS: i64 = 1_000;

/// 1 s, 2 s, 4 s … up to [`MAX_BACKOFF_MS`].
pub fn backoff_ms(tries: u32) -> i64 {
    let doubled = 1_i64.checked_shl(tries.min(20)).unwrap_or(i64::MAX);
    FIRST_BACKOFF_MS.saturating_mul(doubled).min(MAX_BACKOFF_MS)
}

#[cfg(test)]
mod tests;
