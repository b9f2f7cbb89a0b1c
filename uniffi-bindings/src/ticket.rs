//! The enrolment ticket, as the camera reads it from the console's QR code.

use zhixing_protocol::wire::EnrolmentTicket;

use crate::CoreError;

/// What a judge confirms before the device enrols. The ticket's secret stays in its text.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct TicketParts {
    /// Word of the court that gave the ticket, such as `川0811`.
    pub court: String,
    /// Address of the court's server.
    pub url: String,
    /// Until when it can be used. *Units*: milliseconds UTC.
    pub expires_ms: i64,
    /// SHA-256 of the root key whom the device will trust, hexadecimal.
    pub root: String,
}

/// Reads the text of a scanned code.
///
/// *Errors*: `InvalidInput` for any other code.
#[uniffi::export]
pub fn read_ticket(text: &str) -> Result<TicketParts, CoreError> {
    let ticket: EnrolmentTicket = text.parse().map_err(CoreError::invalid_input)?;
    Ok(TicketParts {
        expires_ms: ticket.expires_ms.0,
        root: ticket.root.to_string(),
        court: ticket.court.to_string(),
        url: ticket.url,
    })
}
