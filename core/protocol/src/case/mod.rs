//! Cases: what the events of one case add up to.

mod number;
mod state;

pub use number::{CaseKind, CaseNumber, CaseNumberError, CourtLevel, CourtWord, NumberPart};
pub use state::*;
