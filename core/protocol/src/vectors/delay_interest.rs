//! `delay-interest`: interest for delayed performance of money debts.

use serde_json::Value;

use super::file::Vector;
use super::{MALFORMED, Refused};
use crate::rules::delay_interest::Claim;

pub(super) fn is_like(vector: &Value) -> bool {
    vector.get("debts").is_some() && vector.get("as_of").is_some()
}

/// What is owed, with every step.
pub(super) fn answer(vector: &Vector<'_>) -> Result<Value, Refused> {
    let claim: Claim = vector.read()?;
    let owed = claim
        .reckon()
        .map_err(|error| Refused::new(error.code(), &error))?;
    serde_json::to_value(&owed).map_err(|error| Refused::new(MALFORMED, &error))
}
