//! The enrolment ticket: what the QR code on the console says.

use core::fmt;
use core::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::canonical;
use crate::case::CourtWord;
use crate::hash::Sha256Digest;
use crate::ids::{Nonce, RealmId};
use crate::time::UtcMillis;

/// Begins every ticket; a scanner accepts nothing else.
const SCHEME: &str = "zx1:";
/// A QR code of version 20 at level M holds 666 bytes; tickets stay well below.
const MAX_TICKET_BYTES: usize = 1024;

/// A one-time permission to enrol one device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrolmentTicket {
    /// Court word of the officer's court.
    pub court: CourtWord,
    /// Until when it can be used.
    pub expires_ms: UtcMillis,
    /// The deployment.
    pub realm: RealmId,
    /// Fingerprint of the root key: whom the device will trust.
    pub root: Sha256Digest,
    /// One-time secret.
    pub secret: Nonce,
    /// Address of the server, such as `https://court.example/`.
    pub url: String,
}

/// A text that is no ticket.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this is no enrolment ticket; scan the code on the console again, it begins with zx1:")]
pub struct TicketError;

impl EnrolmentTicket {
    /// What the server and the enrolment statement know of the secret.
    pub fn secret_digest(&self) -> Sha256Digest {
        Sha256Digest::of(self.secret.as_bytes())
    }
}

impl fmt::Display for EnrolmentTicket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = canonical::to_bytes(self).map_err(|_| fmt::Error)?;
        write!(f, "{SCHEME}{}", URL_SAFE_NO_PAD.encode(bytes))
    }
}

impl FromStr for EnrolmentTicket {
    type Err = TicketError;
    fn from_str(text: &str) -> Result<Self, TicketError> {
        let encoded = text.trim().strip_prefix(SCHEME).ok_or(TicketError)?;
        if encoded.len() > MAX_TICKET_BYTES {
            return Err(TicketError);
        }
        let bytes = URL_SAFE_NO_PAD.decode(encoded).map_err(|_| TicketError)?;
        canonical::parse_as(&bytes).map_err(|_| TicketError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_reads_as_it_was_written_and_foreign_codes_are_refused() {
        let ticket = EnrolmentTicket {
            court: "川0811".parse().expect("a court word"),
            expires_ms: UtcMillis(9),
            realm: RealmId::make(UtcMillis(1), [1; 10]),
            root: Sha256Digest::of(b"root"),
            secret: Nonce([7; 16]),
            url: "http://127.0.0.1:8080/".into(),
        };
        let text = ticket.to_string();
        assert_eq!(text.parse(), Ok(ticket));
        for foreign in [
            "",
            "https://example.com/",
            "zx1:",
            "zx1:e30",
            &text[..text.len() - 2],
            &"zx1:A".repeat(999),
        ] {
            assert_eq!(foreign.parse::<EnrolmentTicket>(), Err(TicketError));
        }
    }
}
