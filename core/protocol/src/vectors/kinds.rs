//! The registry of kinds of vector files.

use serde_json::Value;

use super::file::Vector;
use super::{
    Refused, age, canonical, case_number, deadline, delay_interest, evidence_digests, statement,
    tlog,
};

/// What can be run. To add a kind: one line here, and a function that turns a vector into this crate's answer or refusal.
pub(super) const KINDS: &[Kind] = &[
    Kind::named("case-number", case_number::answer).told_by(case_number::is_like),
    Kind::named("deadline", deadline::answer).told_by(deadline::is_like),
    Kind::named("delay-interest", delay_interest::answer).told_by(delay_interest::is_like),
    Kind::named("evidence-digests", evidence_digests::answer),
    Kind::named("canonical", canonical::answer),
    Kind::named("statement", statement::answer),
    Kind::named("tlog", tlog::answer),
    Kind::named("age", age::answer),
];

/// A kind of vector file.
pub(super) struct Kind {
    /// The name that a file gives in its member `kind`.
    pub(super) name: &'static str,
    /// What this crate says to a vector: the value to compare with `expect`, or a refusal.
    pub(super) answer: fn(&Vector<'_>) -> Result<Value, Refused>,
    /// Whether a vector of a file that names no kind is of this kind.
    pub(super) is_like: fn(&Value) -> bool,
}

impl Kind {
    const fn named(name: &'static str, answer: fn(&Vector<'_>) -> Result<Value, Refused>) -> Self {
        Self {
            name,
            answer,
            is_like: |_| false,
        }
    }

    /// Only for the files that were shared before files named their kind.
    const fn told_by(self, is_like: fn(&Value) -> bool) -> Self {
        Self { is_like, ..self }
    }
}
