//! Typed identifiers. A case's id cannot be passed where a device's is wanted.

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::hash::hex_newtype;
use crate::time::UtcMillis;

/// A text that should have been a lower-case hyphenated UUID and was not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a lower-case UUID such as 0192f0c1-2345-7abc-8def-0123456789ab")]
pub struct IdError;

fn uuid_text(bytes: &[u8; 16]) -> String {
    let hex = crate::hash::to_hex(bytes);
    let mut text = String::with_capacity(36);
    for (place, digit) in hex.chars().enumerate() {
        if matches!(place, 8 | 12 | 16 | 20) {
            text.push('-');
        }
        text.push(digit);
    }
    text
}

fn uuid_from_text(text: &str) -> Result<[u8; 16], IdError> {
    let bytes: [u8; 16] =
        crate::hash::array_from_hex(&text.replace('-', "")).map_err(|_| IdError)?;
    if uuid_text(&bytes) == text {
        Ok(bytes)
    } else {
        Err(IdError)
    }
}

/// A UUIDv7 (RFC 9562 §5.7): 48 bits of `now`, then the given random bits.
fn uuid_v7(now: UtcMillis, random: [u8; 10]) -> [u8; 16] {
    let [_, _, t0, t1, t2, t3, t4, t5] = now.0.to_be_bytes();
    let [r0, r1, r2, rest @ ..] = random;
    let [r3, r4, r5, r6, r7, r8, r9] = rest;
    [
        t0,
        t1,
        t2,
        t3,
        t4,
        t5,
        0x70 | (r0 & 0x0f),
        r1,
        0x80 | (r2 & 0x3f),
        r3,
        r4,
        r5,
        r6,
        r7,
        r8,
        r9,
    ]
}

macro_rules! uuid_newtype {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; 16]);

        impl $name {
            /// A new UUIDv7 from a time and ten random bytes, both the caller's.
            pub fn make(now: UtcMillis, random: [u8; 10]) -> Self {
                Self(uuid_v7(now, random))
            }

            /// The sixteen raw bytes.
            pub const fn as_bytes(&self) -> &[u8; 16] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&uuid_text(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                uuid_from_text(text).map(Self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

uuid_newtype!(
    /// One deployment of Zhixing; binds every statement to it.
    RealmId
);
uuid_newtype!(
    /// One enforcement case, whatever numbers it has borne.
    CaseId
);
uuid_newtype!(
    /// One enrolled device.
    DeviceId
);
uuid_newtype!(
    /// One person of the court with a login.
    StaffId
);
uuid_newtype!(
    /// One party of a case, in one role.
    PartyId
);
uuid_newtype!(
    /// One sum of money that reached the account of a case; as a subject of rules the same uuid.
    PaymentId
);
uuid_newtype!(
    /// One request to pay money out to one payee.
    FundsRequestId
);
uuid_newtype!(
    /// One document of a case file.
    DocumentId
);
uuid_newtype!(
    /// One control measure (查封、扣押、冻结) through its renewals to its release.
    MeasureId
);
uuid_newtype!(
    /// One period in which clocks of a case stand still.
    PauseId
);
uuid_newtype!(
    /// What nodes of a case are about: a thing, a clue, a payment, an act on site.
    SubjectId
);
uuid_newtype!(
    /// One act on site: an inquiry, a seal, a search. Nodes about it name it as their subject.
    ActId
);
uuid_newtype!(
    /// One person at an act on site.
    AttendeeId
);
uuid_newtype!(
    /// One line of the inventory of an act.
    LineId
);
uuid_newtype!(
    /// One evidence item: a photo, a segment, an imported file, a derivative.
    ItemId
);
uuid_newtype!(
    /// One recording of several segments.
    RecordingId
);
uuid_newtype!(
    /// One note in a case file.
    NoteId
);
uuid_newtype!(
    /// One resumable upload.
    UploadId
);

hex_newtype!(
    /// A signing key: the first 16 bytes of the SHA-256 of its public key (SubjectPublicKeyInfo, DER).
    KeyId, 16
);
hex_newtype!(
    /// Sixteen random bytes that make a statement's hash unguessable.
    Nonce, 16
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_keeps_its_time_and_prints_as_it_parses() {
        let id = CaseId::make(UtcMillis(0x0192_f0c1_2345), [0xff; 10]);
        assert_eq!(id.to_string(), "0192f0c1-2345-7fff-bfff-ffffffffffff");
        assert_eq!(id.to_string().parse(), Ok(id));
    }

    #[test]
    fn upper_case_missing_and_displaced_hyphens_are_refused() {
        for text in [
            "0192F0C1-2345-7fff-bfff-ffffffffffff",
            "0192f0c123457fffbfffffffffffffff",
            "0192f0c12-345-7fff-bfff-ffffffffffff",
            "",
        ] {
            assert_eq!(text.parse::<CaseId>(), Err(IdError), "{text}");
        }
    }
}
