//! Case numbers as a person types them.

use zhixing_protocol::case::CaseNumber;

use crate::CoreError;

/// A case number that was read: `text` is what to show and to hand back.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct CaseNumberParts {
    /// The one normalised form, such as `（2020）川0811执123号`.
    pub text: String,
    /// Calendar year of receipt.
    pub year: u16,
    /// The court's word, such as `川0811`.
    pub court: String,
    /// Type word of the proceeding, such as `执恢`.
    pub kind: String,
    /// Number in order of receipt.
    pub serial: u64,
    /// Which further document (之一 is 1); none for the case itself.
    pub sub: Option<u8>,
}

/// Reads a case number: brackets and digits of either width, spaces anywhere.
///
/// *Errors*: `InvalidInput` that names the part which is wrong.
#[uniffi::export]
pub fn read_case_number(text: &str) -> Result<CaseNumberParts, CoreError> {
    let number: CaseNumber = text.parse().map_err(CoreError::invalid_input)?;
    Ok(CaseNumberParts {
        text: number.to_string(),
        year: number.year(),
        court: number.court().to_string(),
        kind: number.kind().word().to_owned(),
        serial: number.serial(),
        sub: number.sub(),
    })
}
