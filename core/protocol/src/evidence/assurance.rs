//! The assurance ladder shown to judge and parties.

use serde::{Deserialize, Serialize};

/// How far a capture is assured. Each level includes the ones below it, but for A0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Assurance {
    /// Imported: sealed when it came in, not when it was made.
    A0,
    /// Captured in the application, signed by a software key.
    A1,
    /// Captured in the application, signed by an attested hardware key.
    A2,
    /// A2 with a tight time bracket.
    A3,
    /// A3 countersigned by a second device.
    A4,
}

/// What the level is derived from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AssuranceFacts {
    /// Made by the application's own camera or microphone, not imported and not derived.
    pub captured_here: bool,
    /// The signing key is attested to live in hardware.
    pub hardware_key: bool,
    /// Width of the time bracket, if both ends are known.
    pub bracket_ms: Option<i64>,
    /// A second device countersigned in time.
    pub countersigned: bool,
}

impl Assurance {
    /// A bracket of at most ten minutes is tight (EVIDENCE §2.3 of the design notes).
    pub const TIGHT_BRACKET_MS: i64 = 10 * 60 * 1000;

    /// The level that the facts support.
    pub fn derive(facts: AssuranceFacts) -> Self {
        let tight = facts
            .bracket_ms
            .is_some_and(|width| (0..=Self::TIGHT_BRACKET_MS).contains(&width));
        match facts {
            AssuranceFacts {
                captured_here: false,
                ..
            } => Self::A0,
            AssuranceFacts {
                hardware_key: false,
                ..
            } => Self::A1,
            _ if !tight => Self::A2,
            AssuranceFacts {
                countersigned: false,
                ..
            } => Self::A3,
            _ => Self::A4,
        }
    }
}

impl core::fmt::Display for Assurance {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{self:?}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_missing_fact_stops_the_climb() {
        let all = AssuranceFacts {
            captured_here: true,
            hardware_key: true,
            bracket_ms: Some(Assurance::TIGHT_BRACKET_MS),
            countersigned: true,
        };
        assert_eq!(Assurance::derive(all), Assurance::A4);
        assert_eq!(
            Assurance::derive(AssuranceFacts {
                countersigned: false,
                ..all
            }),
            Assurance::A3
        );
        for width in [None, Some(Assurance::TIGHT_BRACKET_MS + 1), Some(-1)] {
            assert_eq!(
                Assurance::derive(AssuranceFacts {
                    bracket_ms: width,
                    ..all
                }),
                Assurance::A2
            );
        }
        assert_eq!(
            Assurance::derive(AssuranceFacts {
                hardware_key: false,
                ..all
            }),
            Assurance::A1
        );
        assert_eq!(
            Assurance::derive(AssuranceFacts {
                captured_here: false,
                ..all
            }),
            Assurance::A0
        );
    }
}
