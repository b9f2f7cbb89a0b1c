//! Evidence: digests of the plain bytes, how far a capture is assured, and when it can have been made.

mod assurance;
mod bracket;
mod digest;

pub use assurance::{Assurance, AssuranceFacts};
pub use bracket::{
    BracketFlag, SKEW_FLAG_MS, TimeBracket, TimeSource, TrustedTime, derive_bracket,
};
pub use digest::*;
