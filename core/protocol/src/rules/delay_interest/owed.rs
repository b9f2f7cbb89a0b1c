//! What is owed, with every step for display.

use serde::{Serialize, Serializer};

use super::Rate;
use crate::time::Date;

/// What is owed, and how it came about. *Units*: fen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DelayInterest {
    /// Steps of the doubled part, by their end and then in the order of debts.
    pub doubled_segments: Vec<DoubledSegment>,
    /// Steps of ordinary interest, by time.
    pub ordinary_segments: Vec<OrdinarySegment>,
    /// What arose up to the day of reckoning, before payments.
    pub accrued: Accrued,
    /// How each payment was set off, in the order taken.
    pub payments: Vec<SetOff>,
    /// What is still owed.
    pub remaining: Remaining,
}

/// A time in which the doubled part ran on one amount.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DoubledSegment {
    /// The debt.
    pub debt: String,
    /// The day before the first day counted.
    pub after: Date,
    /// The last day counted.
    pub through: Date,
    /// Days in between that do not count.
    pub excluded_days: i64,
    /// Days that count.
    pub days: i64,
    /// The unpaid principal.
    pub principal_fen: i64,
    /// The doubled part of this time, rounded half up.
    pub fen: i64,
}

/// A time in which ordinary interest ran at one rate on one amount.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OrdinarySegment {
    /// The day from which it is counted.
    pub from: Date,
    /// The day to which it is counted.
    pub to: Date,
    /// The difference.
    pub days: i64,
    /// All unpaid principal.
    pub principal_fen: i64,
    /// The daily rate, as `6/36500`.
    #[serde(serialize_with = "as_text")]
    pub rate: Rate,
    /// The interest of this time, rounded half up.
    pub fen: i64,
}

/// Sums of all steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Accrued {
    /// Ordinary interest, with the sum carried over.
    pub ordinary_fen: i64,
    /// The doubled part.
    pub doubled_fen: i64,
}

/// How one payment was used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct SetOff {
    /// Its stop day.
    pub stop: Date,
    /// Used for ordinary interest.
    pub ordinary_fen: i64,
    /// Used for principal.
    pub principal_fen: i64,
    /// Used for the doubled part.
    pub doubled_fen: i64,
    /// Left over, to be returned.
    pub surplus_fen: i64,
}

/// What is still owed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Remaining {
    /// Principal.
    pub principal_fen: i64,
    /// Ordinary interest.
    pub ordinary_fen: i64,
    /// The doubled part.
    pub doubled_fen: i64,
    /// All three.
    pub total_fen: i64,
}

fn as_text<S: Serializer>(rate: &Rate, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(rate)
}
