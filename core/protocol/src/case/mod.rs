//! Cases: what the events of one case add up to.

mod facts;
mod funds;
mod number;
mod state;

pub use facts::{LegalFact, LegalFacts, Measure, Pause};
pub use funds::{
    Account, CaseFunds, FundsEntry, FundsPayment, FundsRefusal, FundsRequestState, FundsStanding,
    Posting,
};
pub use number::{CaseKind, CaseNumber, CaseNumberError, CourtLevel, CourtWord, NumberPart};
pub use state::*;
