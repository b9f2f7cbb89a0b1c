//! `case-number`: reading and normalising numbers of enforcement cases.

use serde::Deserialize;
use serde_json::{Value, json};

use super::Refused;
use super::file::Vector;
use crate::case::CaseNumber;

#[derive(Deserialize)]
struct CaseNumberVector {
    input: String,
}

pub(super) fn is_like(vector: &Value) -> bool {
    let expects = |name| vector.pointer(&format!("/expect/{name}")).is_some();
    vector.get("input").is_some() && (expects("normalised") || vector.get("part").is_some())
}

/// The parts of the number; refused with the name of the first part that is wrong.
pub(super) fn answer(vector: &Vector<'_>) -> Result<Value, Refused> {
    let CaseNumberVector { input } = vector.read()?;
    let number: CaseNumber = input
        .parse()
        .map_err(|error: crate::case::CaseNumberError| {
            Refused::new(error.part().as_str(), &error)
        })?;
    Ok(json!({
        "year": number.year(),
        "court": number.court(),
        "level": number.court().level(),
        "type": number.kind().word(),
        "serial": number.serial(),
        "sub": number.sub(),
        "normalised": number,
    }))
}
